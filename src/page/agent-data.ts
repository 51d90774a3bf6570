import type { Attempts, NetworkReport, Strategies, Traffic, TrafficSample } from '../control/observation-schemas.js';
import type { Status } from '../control/schemas.js';

/** How often the agent is asked although nothing has happened, in milliseconds: bytes flow without events. */
const pollMs = 2000;
/** How long after an event it is asked, in milliseconds, for one rarely comes alone. */
const settleMs = 150;
/** How far back the agent remembers traffic, in milliseconds. */
const rememberedMs = 10 * 60_000;

/** What the page shows, as the agent told it last. */
export interface AgentData {
  readonly status: Status;
  readonly attempts: Attempts['attempts'];
  readonly strategies: Strategies['strategies'];
  /** By key. */
  readonly traffic: ReadonlyMap<string, readonly TrafficSample[]>;
  /** What a sample of traffic stands for. */
  readonly intervalMs: number;
  /** Undefined while it is being examined. */
  readonly network: NetworkReport | undefined;
  /** The agent's wall clock less this browser's, milliseconds. */
  readonly clockOffset: number;
}

/**
 * Follows an agent: asks it anew whenever it tells of an event, and every two seconds while somebody looks.
 * @param show gets what is known now, and whether the agent still answers
 * @returns a function that ends it
 */
export function followAgent(show: (data: AgentData | undefined, answers: boolean) => void): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  let data: AgentData | undefined;
  let network: NetworkReport | undefined;
  let timer: number | undefined;
  let asking = false;
  let again = false;

  const get = async <T>(route: string): Promise<{ body: T; date: string | null }> => {
    const answer = await fetch(route, { signal });
    if (!answer.ok) throw new Error(`${route}: ${answer.status}`);
    return { body: (await answer.json()) as T, date: answer.headers.get('date') };
  };

  const ask = async (): Promise<void> => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      data = await look(data);
      show(data, true);
    } catch {
      if (!signal.aborted) show(data, false);
    } finally {
      asking = false;
      if (!signal.aborted) askIn(again ? settleMs : pollMs);
      again = false;
    }
  };

  const askIn = (delayMs: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => (document.hidden ? askIn(pollMs) : void ask()), delayMs);
  };

  const look = async (before: AgentData | undefined): Promise<AgentData> => {
    const newest = Math.max(0, ...[...(before?.traffic.values() ?? [])].map((samples) => samples.at(-1)?.at ?? 0));
    const [status, { body: attempts }, { body: strategies }, { body: traffic }] = await Promise.all([
      get<Status>('/v1/status'),
      get<Attempts>('/v1/attempts'),
      get<Strategies>('/v1/strategies'),
      get<Traffic>(`/v1/traffic?since=${newest}`),
    ]);
    const offset = status.date === null ? 0 : Date.parse(status.date) - Date.now();
    return {
      status: status.body,
      attempts: attempts.attempts,
      strategies: strategies.strategies,
      traffic: joined(before?.traffic, traffic),
      intervalMs: traffic.intervalMs,
      network,
      // The header counts in seconds: less than two are no difference.
      clockOffset: Math.abs(offset) < 2000 ? 0 : offset,
    };
  };

  const examine = async () => {
    network = undefined;
    try {
      network = (await get<NetworkReport>('/v1/network')).body;
      if (data) show({ ...data, network }, true);
    } catch {
      // The next change of the network, or of the agent, is a reason to ask again.
    }
  };

  const events = new EventSource('/v1/events');
  events.onmessage = ({ data: text }) => {
    if ((JSON.parse(text as string) as { event: string }).event === 'network.changed') void examine();
    if (asking) again = true;
    else askIn(settleMs);
  };
  // Also after the agent was started anew.
  events.onopen = () => {
    void examine();
    askIn(0);
  };
  events.onerror = () => askIn(0);

  return () => {
    ended.abort();
    clearTimeout(timer);
    events.close();
  };
}

function joined(before: AgentData['traffic'] | undefined, { peers }: Traffic): AgentData['traffic'] {
  return new Map(
    peers.map(({ key, samples }) => {
      const all = [...(before?.get(key) ?? []), ...samples];
      const oldest = (all.at(-1)?.at ?? 0) - rememberedMs;
      return [key, all.filter(({ at }) => at > oldest)];
    }),
  );
}
