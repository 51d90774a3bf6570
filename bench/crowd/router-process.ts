/**
 * A stand-in router in a process of its own, told what to do through a socket.
 * node --import tsx router-process.ts KEY ADMIN_SOCKET COMMAND_SOCKET
 */
import { loadAddon } from '../../src/native/addon.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { serveCommands } from './commands.js';
import { StandInRouter } from './stand-in-router.js';

/** Whichever of them are there is done; the answer is {@link RouterState}. */
export interface RouterCommand {
  /** Have sessions with these alone. */
  readonly meet?: readonly string[];
  /** Let every session carry something. */
  readonly touch?: boolean;
  /** Break the links with these. */
  readonly breakLinks?: readonly string[];
}

export interface RouterState {
  /** Keys of those it is peered with. */
  readonly peeredWith: readonly string[];
  /** How often it has been asked for its sessions. */
  readonly polls: number;
}

const [key = '', admin = '', commands = ''] = process.argv.slice(2);
const router = await StandInRouter.start(createSystemNet(loadAddon()), admin, key);
await serveCommands<RouterCommand>(commands, async ({ meet, touch, breakLinks = [] }): Promise<RouterState> => {
  if (meet) router.meet(meet);
  if (touch) router.touch();
  for (const peer of breakLinks) router.breakLink(peer);
  return { peeredWith: router.peeredWith, polls: router.polls };
});
