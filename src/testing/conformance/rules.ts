import type { Rule } from './rule.js';
import { answersItsProbe } from './rules/answers-its-probe.js';
import { carriesInOrder } from './rules/carries-in-order.js';
import { carriesMuch } from './rules/carries-much.js';
import { closesTwice } from './rules/closes-twice.js';
import { endsWhenAborted } from './rules/ends-when-aborted.js';
import { givesUp } from './rules/gives-up.js';
import { halfCloses } from './rules/half-closes.js';
import { holdsWritersBack } from './rules/holds-writers-back.js';
import { leavesNothing } from './rules/leaves-nothing.js';
import { letsADeadPathGo } from './rules/lets-a-dead-path-go.js';
import { losesItsPeer } from './rules/loses-its-peer.js';
import { rejectsWhenLate } from './rules/rejects-when-late.js';
import { rejectsWithoutSockets } from './rules/rejects-without-sockets.js';
import { seesTheEnd } from './rules/sees-the-end.js';
import { servesSeveral } from './rules/serves-several.js';
import { silentToStrangers } from './rules/silent-to-strangers.js';
import { survivesLateAbort } from './rules/survives-late-abort.js';
import { withstandsHostileMessages } from './rules/withstands-hostile-messages.js';

/** What holds of every strategy, wherever it opens paths. */
export const rules: readonly Rule[] = [
  answersItsProbe,
  carriesInOrder,
  halfCloses,
  holdsWritersBack,
  carriesMuch,
  servesSeveral,
  seesTheEnd,
  leavesNothing,
  letsADeadPathGo,
  rejectsWhenLate,
  endsWhenAborted,
  survivesLateAbort,
  givesUp,
  losesItsPeer,
  withstandsHostileMessages,
  silentToStrangers,
  rejectsWithoutSockets,
  closesTwice,
];
