import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Status } from '../control/schemas.js';
import { bytes, count, duration } from '../figures.js';
import { type AgentData, followAgent } from './agent-data.js';
import { Network } from './network.js';
import { Peers } from './peers.js';
import { Strategies } from './strategies.js';
import { Timeline } from './timeline.js';

function Page() {
  const [{ data, answers }, setShown] = useState<{ data: AgentData | undefined; answers: boolean }>({
    data: undefined,
    answers: true,
  });
  useEffect(() => followAgent((next, now) => setShown({ data: next, answers: now })), []);
  if (!data) return <p class="empty">{answers ? 'Asking the agent…' : 'The agent does not answer. This page goes on asking.'}</p>;
  const { status, attempts, strategies, traffic, intervalMs, network } = data;
  const now = Date.now() + data.clockOffset;
  return (
    <>
      <Header status={status} answers={answers} now={now} />
      <main>
        <Problems status={status} />
        <Totals data={data} />
        <section aria-labelledby="peers">
          <h2 id="peers">Peers</h2>
          <Peers peers={status.peers} traffic={traffic} intervalMs={intervalMs} now={now} />
        </section>
        <section aria-labelledby="attempts">
          <h2 id="attempts">Attempts</h2>
          <Timeline attempts={attempts} now={now} />
        </section>
        <div class="pair">
          <section aria-labelledby="strategies">
            <h2 id="strategies">Strategies</h2>
            <Strategies strategies={strategies} network={network} />
          </section>
          <section aria-labelledby="network">
            <h2 id="network">Network</h2>
            <Network report={network} />
          </section>
        </div>
      </main>
      <footer>
        <a href="/metrics">Metrics</a> <a href="/v1/status">Status as JSON</a> <a href="/v1/openapi.json">API</a>
      </footer>
      <BridgeNews status={status} />
    </>
  );
}

function Header({ status, answers, now }: { readonly status: Status; readonly answers: boolean; readonly now: number }) {
  const { agent, router } = status;
  return (
    <header>
      <img src="/icon.svg" alt="" width="28" height="28" />
      <h1>ratatoskr</h1>
      <span class="quiet">
        {agent.version}, up {duration(now - Date.parse(agent.startedAt))}
      </span>
      <span class="router">
        {router.state === 'connected' && (
          <>
            yggdrasil {router.version} <code>{router.address}</code>
          </>
        )}
      </span>
      <span class={`live ${answers ? 'yes' : 'no'}`} role="status">
        {answers ? 'live' : 'the agent does not answer'}
      </span>
    </header>
  );
}

/** What keeps the agent from its work, with the next step. */
function Problems({ status: { router, signalling, agent } }: { readonly status: Status }) {
  const problems: { text: string; help?: string | undefined }[] = [];
  if (router.state === 'waiting') {
    const { failure } = router;
    problems.push({
      text: failure ? `No router: ${failure.message} (${failure.code})` : 'No router was found yet.',
      help: failure?.help,
    });
  } else if (!signalling.listening && signalling.failure) {
    problems.push({ text: `Other agents cannot be met: ${signalling.failure.message}`, help: signalling.failure.help });
  }
  if (agent.limited !== null) problems.push({ text: `This platform is limited: ${agent.limited}` });
  return (
    <>
      {problems.map(({ text, help }) => (
        <p key={text} class="problem">
          <strong>{text}</strong>
          {help && <> {help}</>}
        </p>
      ))}
    </>
  );
}

function Totals({ data: { status, traffic, intervalMs } }: { readonly data: AgentData }) {
  const { peers } = status;
  const of = (kind: 'direct' | 'relayed') => peers.filter(({ bridge }) => bridge?.kind === kind).length;
  const lasts = [...traffic.values()].flatMap((samples) => samples.at(-1) ?? []);
  const rate = (counter: 'bytesIn' | 'bytesOut') =>
    `${bytes(Math.round((lasts.reduce((sum, sample) => sum + sample[counter], 0) * 1000) / intervalMs))}/s`;
  const facts: readonly [string, string | number][] = [
    ['direct', of('direct')],
    ['relayed', of('relayed')],
    ['not bridged', peers.filter(({ bridge, session }) => !bridge && session).length],
    ['received', rate('bytesIn')],
    ['sent', rate('bytesOut')],
  ];
  return (
    <dl class="totals" aria-label="Totals">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Tells a screen reader of bridges that come and go. */
function BridgeNews({ status }: { readonly status: Status }) {
  const up = status.peers.filter(({ bridge }) => bridge).map(({ address }) => address);
  const before = useRef<readonly string[]>(up);
  const news = useRef('');
  const come = up.filter((address) => !before.current.includes(address));
  const gone = before.current.filter((address) => !up.includes(address));
  if (come.length + gone.length > 0) {
    const told = [
      come.length > 0 && `${count(come.length, 'bridge')} up: ${come.join(', ')}`,
      gone.length > 0 && `${count(gone.length, 'bridge')} down: ${gone.join(', ')}`,
    ];
    news.current = told.filter(Boolean).join('. ');
  }
  before.current = up;
  return (
    <p class="visually-hidden" aria-live="polite">
      {news.current}
    </p>
  );
}

const place = document.getElementById('page');
if (place) render(<Page />, place);
