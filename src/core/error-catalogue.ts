/** Every code that an operator may meet, sorted, with what it means and what to do. docs/errors.md is checked against it. */
export const errorCatalogue = {
  ADMIN_CLOSED: {
    meaning: 'The router closed the admin connection.',
    help: 'The agent reconnects by itself; if it goes on, look at the router’s own log.',
  },
  ADMIN_REFUSED: {
    meaning: 'The router answered an admin request with an error.',
    help: 'The message is the router’s own; see its documentation of that request.',
  },
  ADMIN_REPLY_INVALID: {
    meaning: 'The admin socket answered something that is not a yggdrasil reply.',
    help: 'Check that --admin names yggdrasil’s AdminListen and not some other service.',
  },
  ADMIN_REPLY_TOO_LARGE: {
    meaning: 'A reply of the admin socket exceeded the size cap.',
    help: 'Check that --admin names yggdrasil’s AdminListen and not some other service.',
  },
  ADMIN_TIMEOUT: {
    meaning: 'The router did not answer an admin request in time.',
    help: 'The router may be overloaded or stopped; the agent reconnects by itself.',
  },
  ADMIN_UNREACHABLE: {
    meaning: 'The router’s admin socket cannot be reached.',
    help: 'Start yggdrasil, or name its AdminListen with --admin, and see that this user may open it.',
  },
  ATTEMPT_ABORTED: {
    meaning: 'The attempt was called off, because another one won or the peer went away.',
    help: 'Nothing to do.',
  },
} as const satisfies Record<string, { meaning: string; help: string }>;

export type ErrorCode = keyof typeof errorCatalogue;
