import { clockFinding } from './checks/clock.js';
import { askGateway, gatewayFinding } from './checks/gateway.js';
import { internetFinding, lookAtInternet } from './checks/internet.js';
import { natFinding } from './checks/nat.js';
import { nativeAddonFinding } from './checks/native-addon.js';
import { overlayFinding } from './checks/overlay.js';
import { askRouter, routerFindings } from './checks/router.js';
import { routesFinding } from './checks/routes.js';
import { signallingPortFinding } from './checks/signalling-port.js';
import { addressesSeenIn, askStun, type StunAnswers, stunFinding } from './checks/stun.js';
import type { Finding } from './finding.js';
import type { Patient } from './patient.js';

/** What is measured, each for as long as it takes; all at once. */
export type Step = 'router' | 'signalling port' | 'STUN servers and NAT' | 'gateway';

export interface Examination {
  readonly findings: readonly Finding[];
  readonly stun: StunAnswers | undefined;
}

/**
 * Measures and judges. Takes some seconds, asks nobody but the router, the gateway and the configured STUN servers, and leaves nothing
 * behind: no mapping, no socket, no file.
 * @param progress called when a measurement begins, and when it is over
 * @throws only the signal's reason
 */
export async function examine(patient: Patient, progress: (step: Step, over: boolean) => void = () => {}): Promise<Examination> {
  const during = async <Result>(step: Step, work: Promise<Result>): Promise<Result> => {
    progress(step, false);
    return work.finally(() => progress(step, true));
  };
  const internet = await lookAtInternet(patient);
  const routerAsked = during('router', askRouter(patient));
  const [router, signallingPort, stun, gateway] = await Promise.all([
    routerAsked,
    during(
      'signalling port',
      routerAsked.then((answer) => signallingPortFinding(answer, patient)),
    ),
    during('STUN servers and NAT', askStun(patient)),
    during('gateway', askGateway(internet, patient)),
  ]);
  const gatewayFound = gatewayFinding(gateway, addressesSeenIn(stun));
  const mapsPorts = gateway !== undefined && gateway.spoken.length > 0 && gatewayFound.state === 'ok';
  const hasIpv4 = internet.gateways.some(({ family }) => family === 4);
  const findings = [
    ...routerFindings(router),
    await overlayFinding(router, patient),
    signallingPort,
    internetFinding(internet),
    natFinding(stun, mapsPorts),
    gatewayFound,
    stunFinding(stun, hasIpv4),
    routesFinding(patient.config.relay, patient.agent),
    clockFinding(patient.agent),
    nativeAddonFinding(patient),
  ];
  return { findings, stun };
}
