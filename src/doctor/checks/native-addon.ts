import { type Finding, ok, problem } from '../finding.js';
import type { Patient } from '../patient.js';

/** Has the agent what Node's own sockets lack? */
export function nativeAddonFinding({ services, platform }: Patient): Finding {
  const { missing } = services.net.capabilities;
  if (missing === undefined) return ok('native-addon', 'The native addon is loaded.');
  if (platform !== 'linux')
    return { ...ok('native-addon', missing), help: 'The addon serves Linux only; the agent works without it.' };
  return problem('native-addon', 'ADDON_MISSING', missing);
}
