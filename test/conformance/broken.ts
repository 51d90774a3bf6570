import type { Strategy, StrategyDefinition, StrategyServices } from '../../src/core/strategy.js';
import type { Rule } from '../../src/testing/conformance/rule.js';
import { answersItsProbe } from '../../src/testing/conformance/rules/answers-its-probe.js';
import { carriesInOrder } from '../../src/testing/conformance/rules/carries-in-order.js';
import { carriesMuch } from '../../src/testing/conformance/rules/carries-much.js';
import { closesTwice } from '../../src/testing/conformance/rules/closes-twice.js';
import { endsWhenAborted } from '../../src/testing/conformance/rules/ends-when-aborted.js';
import { givesUp } from '../../src/testing/conformance/rules/gives-up.js';
import { halfCloses } from '../../src/testing/conformance/rules/half-closes.js';
import { holdsWritersBack } from '../../src/testing/conformance/rules/holds-writers-back.js';
import { leavesNothing } from '../../src/testing/conformance/rules/leaves-nothing.js';
import { letsADeadPathGo } from '../../src/testing/conformance/rules/lets-a-dead-path-go.js';
import { losesItsPeer } from '../../src/testing/conformance/rules/loses-its-peer.js';
import { rejectsWhenLate } from '../../src/testing/conformance/rules/rejects-when-late.js';
import { rejectsWithoutSockets } from '../../src/testing/conformance/rules/rejects-without-sockets.js';
import { seesTheEnd } from '../../src/testing/conformance/rules/sees-the-end.js';
import { servesSeveral } from '../../src/testing/conformance/rules/serves-several.js';
import { silentToStrangers } from '../../src/testing/conformance/rules/silent-to-strangers.js';
import { survivesLateAbort } from '../../src/testing/conformance/rules/survives-late-abort.js';
import { withstandsHostileMessages } from '../../src/testing/conformance/rules/withstands-hostile-messages.js';
import type { Situation } from '../../src/testing.js';
import { BuffersWithoutBound } from './broken/buffers-without-bound.js';
import { ClosesOnce } from './broken/closes-once.js';
import { CutsHalfClosedPaths } from './broken/cuts-half-closed-paths.js';
import { DialsWhateverItIsTold } from './broken/dials-whatever-it-is-told.js';
import { GoesOnWhenAborted } from './broken/goes-on-when-aborted.js';
import { GreetsStrangers } from './broken/greets-strangers.js';
import { HarmsALateByte } from './broken/harms-a-late-byte.js';
import { HidesTheEnd } from './broken/hides-the-end.js';
import { KeepsATimer } from './broken/keeps-a-timer.js';
import { KeepsItsListener } from './broken/keeps-its-listener.js';
import { keepsItsMapping } from './broken/keeps-its-mapping.js';
import { LeavesARejection } from './broken/leaves-a-rejection.js';
import { MislabelsItsPath } from './broken/mislabels-its-path.js';
import { MissesAnEarlyAbort } from './broken/misses-an-early-abort.js';
import { NeverOpens } from './broken/never-opens.js';
import { PassesSystemErrorsOn } from './broken/passes-system-errors-on.js';
import { ProbesWithASocket } from './broken/probes-with-a-socket.js';
import { ResolvesWithGarbage } from './broken/resolves-with-garbage.js';
import { ServesOnePeer } from './broken/serves-one-peer.js';
import { StumblesOverNonsense } from './broken/stumbles-over-nonsense.js';
import { SwapsBytes } from './broken/swaps-bytes.js';
import { TiesThePathToItsSignal } from './broken/ties-the-path-to-its-signal.js';
import { WaitsForAFarewell } from './broken/waits-for-a-farewell.js';
import { WaitsForALastWord } from './broken/waits-for-a-last-word.js';
import { WaitsForEver } from './broken/waits-for-ever.js';

type MadeBy = (new (services: StrategyServices) => Strategy) | StrategyDefinition<{ lifetime: number }>;

export interface BrokenStrategy {
  readonly what: string;
  readonly Broken: MadeBy;
  /** The rule that it was made to break. */
  readonly breaks: Rule | 'opens';
  /** What the kit says about it. */
  readonly says: RegExp;
  /** No other rule breaks with it. @default true */
  readonly alone?: boolean;
  /** @default 'public' */
  readonly opens?: Situation;
}

/** One for every rule at least; what each does is in its file. */
export const broken: readonly BrokenStrategy[] = [
  {
    what: 'never opens a path',
    Broken: NeverOpens,
    breaks: 'opens',
    says: /rejected with STRATEGY_NO_PATH|failed with STRATEGY_NO_PATH/,
    alone: false,
  },
  { what: 'calls its path something else', Broken: MislabelsItsPath, breaks: 'opens', says: /it says that it is relayed/ },
  {
    what: 'resolves with garbage',
    Broken: ResolvesWithGarbage,
    breaks: 'opens',
    says: /what it resolved with has no on, no off/,
    alone: false,
  },
  {
    what: 'leaves a socket behind when it is probed',
    Broken: ProbesWithASocket,
    breaks: answersItsProbe,
    says: /holds\s+a UDP socket on 0\.0\.0\.0:\d+, opened at ProbesWithASocket\.probe/,
  },
  {
    what: 'swaps bytes',
    Broken: SwapsBytes,
    breaks: carriesInOrder,
    says: /byte \d+ of \d+ is another|arrived otherwise|SHA-256/,
    alone: false,
  },
  { what: 'cuts half-closed paths', Broken: CutsHalfClosedPaths, breaks: halfCloses, says: /it closed/ },
  { what: 'takes whatever is written', Broken: BuffersWithoutBound, breaks: holdsWritersBack, says: /it took 32 MiB/ },
  { what: 'harms a byte after megabytes', Broken: HarmsALateByte, breaks: carriesMuch, says: /SHA-256/ },
  {
    what: 'serves one peer at a time',
    Broken: ServesOnePeer,
    breaks: servesSeveral,
    says: /Another attempt is under way/,
    alone: false,
  },
  {
    what: 'hides that the other end has ended',
    Broken: HidesTheEnd,
    breaks: seesTheEnd,
    says: /(ends or breaks at the other end|reads the end).*\n.*it did not/,
    alone: false,
  },
  {
    what: 'keeps its listener',
    Broken: KeepsItsListener,
    breaks: leavesNothing,
    says: /holds\s+a listener on .*, opened at KeepsItsListener\.listen/,
    alone: false,
  },
  {
    what: 'keeps a timer',
    Broken: KeepsATimer,
    breaks: leavesNothing,
    says: /holds\s+a timer of 1000 ms, opened at .*keeps-a-timer/,
    alone: false,
  },
  {
    what: 'keeps its mapping',
    Broken: keepsItsMapping,
    breaks: leavesNothing,
    says: /the gateway still maps to port/,
    alone: false,
    opens: 'mapping-gateway',
  },
  {
    what: 'waits for a farewell',
    Broken: WaitsForAFarewell,
    breaks: letsADeadPathGo,
    says: /holds\s+a (TCP connection to|connection from)/,
    alone: false,
  },
  {
    what: 'misses an early abort',
    Broken: MissesAnEarlyAbort,
    breaks: rejectsWhenLate,
    says: /it resolved with a path|it did not/,
    alone: false,
  },
  {
    what: 'goes on when it is aborted',
    Broken: GoesOnWhenAborted,
    breaks: endsWhenAborted,
    says: /it did not|holds/,
    alone: false,
  },
  {
    what: 'destroys its path when its signal aborts',
    Broken: TiesThePathToItsSignal,
    breaks: survivesLateAbort,
    says: /the path ended after 0 of them/,
  },
  { what: 'waits for ever for a silent peer', Broken: WaitsForEver, breaks: givesUp, says: /it did not/, alone: false },
  { what: 'waits for ever for a last word', Broken: WaitsForALastWord, breaks: losesItsPeer, says: /it did not/ },
  {
    what: 'dials whatever it is told to',
    Broken: DialsWhateverItIsTold,
    breaks: withstandsHostileMessages,
    says: /sent to (127\.0\.0\.1|0\.0\.0\.0|::1)/,
  },
  {
    what: 'takes a message for what it should be',
    Broken: StumblesOverNonsense,
    breaks: withstandsHostileMessages,
    says: /rejected with TypeError: Cannot/,
  },
  { what: 'greets strangers', Broken: GreetsStrangers, breaks: silentToStrangers, says: /it heard 36 bytes/ },
  {
    what: 'passes the system’s errors on',
    Broken: PassesSystemErrorsOn,
    breaks: rejectsWithoutSockets,
    says: /rejected with Error: (listen EACCES|connect ETIMEDOUT)/,
    alone: false,
  },
  { what: 'closes once', Broken: ClosesOnce, breaks: closesTwice, says: /it rejected: it is closed already/ },
  {
    what: 'leaves a rejection unhandled',
    Broken: LeavesARejection,
    breaks: 'opens',
    says: /a promise was rejected and nobody handled it: Error: nobody looks here/,
    alone: false,
  },
];
