import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { relayStatusSchema } from '../control/relay-schemas.js';
import { explanationSchema, pingSchema, statusSchema } from '../control/schemas.js';
import { type AskOptions, type AskSurroundings, agentCommand, clientFor, routeOf } from './agent-command.js';
import { exitCodes } from './exit-codes.js';
import { explanationText } from './explanation-text.js';
import { peersText } from './peers-text.js';
import { pingText } from './ping-text.js';
import { relayStatusText } from './relay-status-text.js';
import { statusText } from './status-text.js';

/** Pause between the looks of `status --watch`, in milliseconds. */
const watchMs = 1000;
/** Clears a terminal and puts the cursor in its first corner. */
const clear = '\u001b[2J\u001b[H';

/** Adds the commands that ask a running agent: status, peers, explain, ping, events. */
export function addAskCommands(program: Command, surroundings: AskSurroundings, exit: (code: number) => void): void {
  const { out } = surroundings;
  const show = <T>(options: AskOptions, answer: T, asText: (answer: T) => string) =>
    out(options.json ? `${JSON.stringify(answer)}\n` : asText(answer));
  const command = (usage: string, description: string, examples: string) => agentCommand(program, usage, description, examples);

  command('status', 'tell what the running agent or relay does, and with whom', statusExamples)
    .option('--watch', 'again and again, until Ctrl-C')
    .action(async (options: AskOptions & { readonly watch?: boolean }) => {
      const agent = await clientFor(options, surroundings);
      do {
        const status = await agent.get('/v1/status', z.union([statusSchema, relayStatusSchema]));
        if (options.watch && !options.json) out(clear);
        const asText = (answer: typeof status) =>
          'relay' in answer ? relayStatusText(answer, Date.now()) : statusText(answer, Date.now());
        show(options, status, asText);
        if (options.watch) await delay(watchMs);
      } while (options.watch);
    });

  command('peers', 'list the peers of the running agent, a line each', peersExamples).action(async (options: AskOptions) => {
    const agent = await clientFor(options, surroundings);
    const { peers } = await agent.get('/v1/status', statusSchema);
    show(options, peers, (answer) => peersText(answer, Date.now()));
  });

  command('explain <PEER>', 'tell what was tried with a peer, and why it did or did not work', explainExamples).action(
    async (peer: string, options: AskOptions) => {
      const agent = await clientFor(options, surroundings);
      const explanation = await agent.get(routeOf(peer), explanationSchema);
      show(options, explanation, (answer) => explanationText(answer, Date.now()));
    },
  );

  command('ping <PEER>', 'time the way to the agent of a peer; fails while the path is not direct', pingExamples).action(
    async (peer: string, options: AskOptions) => {
      const agent = await clientFor(options, surroundings);
      const ping = await agent.get(`${routeOf(peer)}/ping`, pingSchema);
      show(options, ping, (answer) => pingText(peer, answer));
      exit(ping.bridge?.kind === 'direct' ? exitCodes.ok.code : exitCodes.failed.code);
    },
  );

  command('events', 'print what happens from now on, a JSON object a line', '  ratatoskr events | jq .event').action(
    async (options: AskOptions) => {
      const agent = await clientFor(options, surroundings);
      for await (const lines of agent.stream('/v1/events')) out(lines);
    },
  );
}

const statusExamples = `  ratatoskr status
  ratatoskr status --watch
  ratatoskr status --runtime-dir /run/ratatoskr/relay     where a relay runs
  ratatoskr status --json | jq '.peers[].bridge'`;

const peersExamples = `  ratatoskr peers
  ratatoskr peers --json | jq -r '.[] | select(.bridge == null) | .address'`;

const explainExamples = `  ratatoskr explain 200:1234:5678::1
  ratatoskr explain 000000012f… --json`;

const pingExamples = `  ratatoskr ping 200:1234:5678::1
  until ratatoskr ping 200:1234:5678::1; do sleep 1; done`;
