import type { Command } from 'commander';
import { changeSchema } from '../control/schemas.js';
import { type AskOptions, type AskSurroundings, agentCommand, clientFor, routeOf } from './agent-command.js';

/** Adds the commands that change what a running agent does: bridge, unbridge. */
export function addChangeCommands(program: Command, surroundings: AskSurroundings): void {
  const change = (verb: 'bridge' | 'unbridge', description: string, done: string, examples: string) =>
    agentCommand(program, `${verb} <PEER>`, description, examples).action(async (peer: string, options: AskOptions) => {
      const agent = await clientFor(options, surroundings);
      const changed = await agent.post(`${routeOf(peer)}/${verb}`, changeSchema);
      surroundings.out(options.json ? `${JSON.stringify(changed)}\n` : `${changed.address}: ${done}\n`);
    });

  change(
    'bridge',
    'meet and bridge a peer whatever its traffic, until unbridge or the agent’s end',
    'the agent meets it now; ratatoskr explain tells what comes of it',
    `  ratatoskr bridge 200:1234:5678::1
  ratatoskr bridge 000000012f6b7a1c8e3d5f90a4b7c2d1e8f3a6b5c4d7e2f1a0b9c8d7e6f5a4b3

An address is enough for a peer that there is a session with, others are known by their public key. For good, name it in discovery.`,
  );
  change(
    'unbridge',
    'take the bridge with a peer down and keep away from it, until bridge or the agent’s end',
    'left to the overlay from now on',
    `  ratatoskr unbridge 200:1234:5678::1

For good, name it in deny.`,
  );
}
