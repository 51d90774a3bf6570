import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Crossing, CrossingError } from './crossing.js';
import { milliseconds, Timeline } from './demo-timeline.js';
import { type NatKindName, natKindNames, natKinds } from './nat-kinds.js';
import { links } from './round-trips.js';
import { sites } from './topology.js';

const help = `npm run demo -- [--nat A,B] [--keep] [--json]

Two yggdrasil nodes behind NATs, on this machine alone: watch their agents give them a direct path.

  --nat A,B   what each node is behind (default prc,prc):
${natKindNames.map((name) => `                ${name.padEnd(9)} ${natKinds[name].meaning}`).join('\n')}
  --keep      keep everything running, to look around in, until Ctrl-C
  --json      the timeline as newline-delimited JSON
`;

process.exitCode = await demo();

/** @returns the exit code */
async function demo(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'number') return options;
  const [a, b] = options.kinds;
  const timeline = new Timeline(process.stdout, options.json);
  timeline.say('start', `Two nodes on lines of 10 ms: a behind ${a} (${natKinds[a].meaning}),`, { a, b });
  if (!options.json) timeline.say('start', `b behind ${b} (${natKinds[b].meaning}); a public peer on one of 20 ms knows both.`);

  const crossing = await Crossing.prepare({ a, b, links });
  try {
    for (const site of sites) crossing.agents[site].read((line) => timeline.event(site, line));
    timeline.say('traffic', 'Sending pings from a to b.');
    const ok = await cross(crossing, timeline);
    if (options.keep) await lookAround(crossing, timeline);
    const leftovers = await crossing.end();
    for (const leftover of leftovers) timeline.say('leftover', `Left behind: ${leftover}.`, { leftover }, 'red');
    if (leftovers.length === 0)
      timeline.say('end', 'Both agents ended cleanly: no peer, socket or file of theirs is left.', {}, 'green');
    return ok && leftovers.length === 0 ? 0 : 1;
  } finally {
    await crossing.close();
  }
}

/** @returns whether the bridge came up */
async function cross(crossing: Crossing, timeline: Timeline): Promise<boolean> {
  const started = performance.now();
  const patience = setInterval(() => {
    timeline.say('waiting', `... ${Math.round((performance.now() - started) / 1000)} s`);
  }, 5000);
  try {
    const report = await crossing.run();
    const { strategy, kind, sessionToBridge, pingBefore, pingAfter, pingsLost } = report;
    const change = `Ping ${milliseconds(pingBefore)} before, ${milliseconds(pingAfter)} after; ${pingsLost} lost on the way.`;
    const sentence = `A ${kind} path by ${strategy}, ${(sessionToBridge / 1000).toFixed(2)} s after the session. ${change}`;
    timeline.say('bridged', sentence, { ...report }, 'green');
    return true;
  } catch (error) {
    if (!(error instanceof CrossingError)) throw error;
    timeline.say('failed', 'No bridge came up. What the agents gave as reasons:', { failures: error.failures }, 'red');
    for (const { site, strategy, message, code, help: next } of error.failures) {
      timeline.say('reason', `  ${site}  ${strategy ? `${strategy}: ` : ''}${message} (${code})${next ? `\n     ${next}` : ''}`);
    }
    if (error.failures.length === 0) timeline.say('reason', error.message);
    timeline.say('next', 'Run it again with --keep to look at the logs; docs/errors.md explains each code.');
    return false;
  } finally {
    clearInterval(patience);
  }
}

async function lookAround({ lab }: Crossing, timeline: Timeline): Promise<void> {
  const lines = sites.flatMap((site) => [
    `A shell on ${site}:   ${lab.shellCommand(lab[site])}`,
    `Logs and admin socket of ${site}:   ${lab[site].folder}`,
  ]);
  for (const line of lines) timeline.say('look', line, {}, 'cyan');
  timeline.say('look', `From a:   ping ${lab.b.router.address}`, {}, 'cyan');
  timeline.say('look', 'Ctrl-C ends it all.', {}, 'cyan');
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

function readOptions(): { kinds: readonly [NatKindName, NatKindName]; keep: boolean; json: boolean } | number {
  const flags = { nat: { type: 'string', default: 'prc,prc' }, help: { type: 'boolean' } } as const;
  const switches = { keep: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const;
  try {
    const { values } = parseArgs({ options: { ...flags, ...switches } });
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const [a, b, ...more] = values.nat.split(',').map((name) => natKindNames.find((known) => known === name.trim()));
    if (a === undefined || b === undefined || more.length > 0) throw new Error(`--nat wants two of ${natKindNames.join(', ')}`);
    return { kinds: [a, b], keep: values.keep, json: values.json };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    return 2;
  }
}
