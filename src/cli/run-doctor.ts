import { execFile } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import type { Status } from '../control/schemas.js';
import { statusSchema } from '../control/schemas.js';
import { systemFiles } from '../core/files.js';
import { examine, type Step } from '../doctor/examine.js';
import type { AgentView } from '../doctor/patient.js';
import { sparingResolver } from '../doctor/sparing-resolver.js';
import { strategyVerdicts } from '../doctor/strategy-verdicts.js';
import { ownVersion } from '../own-package.js';
import { ControlClient } from './control-client.js';
import { type Diagnosis, type DoctorRequest, diagnosisVersion } from './doctor.js';
import { peerFinding } from './peer-trial.js';
import { surveyServices, surveyStrategies } from './survey-strategies.js';

/** How long `nft` may take, in milliseconds. */
const nftTimeoutMs = 3000;

/** `ratatoskr doctor` on this machine. @param progress names of what is being looked at, whenever that changes */
export async function runDoctor(
  { config, folder, peer }: DoctorRequest,
  progress: (under: readonly string[]) => void = () => {},
): Promise<Diagnosis> {
  const client = new ControlClient(config.runtimeDir);
  const status = await client.get('/v1/status', statusSchema).catch((error: Error) => {
    // There is one, which this user may not ask.
    return (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EACCES' ? 'forbidden' : undefined;
  });
  const under = new Set<string>();
  const tell = (step: Step | 'strategies' | 'peer', over: boolean) => {
    if (over) under.delete(step);
    else under.add(step);
    progress([...under]);
  };
  const services = surveyServices(config);
  const net = sparingResolver(services.net);
  const over = new AbortController();
  // Many ask at once, and all are done before it aborts.
  setMaxListeners(0, over.signal);
  const patient = {
    config,
    services: { ...services, net },
    files: systemFiles,
    agent: status === 'forbidden' ? { clocks: [] } : status && viewOf(status),
    packetFilter,
    platform: process.platform,
    signal: over.signal,
  };
  tell('strategies', false);
  const [{ findings, stun }, rows] = await Promise.all([
    examine(patient, tell),
    surveyStrategies(config, folder).finally(() => tell('strategies', true)),
  ]);
  if (peer !== undefined) tell('peer', false);
  const trial = peer === undefined ? [] : [await peerFinding(peer, status && client)];
  progress([]);
  return {
    schemaVersion: diagnosisVersion,
    version: ownVersion(),
    agentRunning: status !== undefined,
    findings: [...findings, ...trial],
    strategies: [
      ...strategyVerdicts(
        rows.filter(({ enabled }) => enabled),
        stun,
      ),
    ],
  };
}

function viewOf({ peers, router, routes }: Status): AgentView {
  const clocks = peers.flatMap(({ address, agent }) =>
    agent && agent.clockAheadMs !== null ? [{ address, aheadMs: agent.clockAheadMs }] : [],
  );
  return {
    clocks,
    routerKey: router.key ?? undefined,
    routes: routes ? { ...routes, why: routes.failure?.message ?? '' } : undefined,
  };
}

/** Only root may read it, as a rule. */
function packetFilter(signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile('nft', ['list', 'ruleset'], { timeout: nftTimeoutMs, maxBuffer: 1 << 24, signal }, (error, stdout) =>
      resolve(error ? undefined : stdout),
    );
  });
}
