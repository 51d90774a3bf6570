import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { deriveKey, deriveSecret } from '../../../src/core/attempt-secret.js';
import type { AgentLine } from '../agent-process.js';
import { LabError } from '../lab-error.js';
import type { BesiegedLab } from './besieged-lab.js';
import type { Caller } from './caller.js';

const strategy = 'tcp-hole-punching';
/** As the agents' protocol has them: the first bytes of a proof, the choice of a path, and two of the records on it. */
const proofMagic = Buffer.from('RTSK');
const nomination = Buffer.from('N');
const pingRecord = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0]);
const startRecord = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 100]);

export interface WireCandidate {
  readonly type: string;
  readonly address: string;
  readonly port: number;
}

/** An attempt that the stranger, whose end controls, has talked the agent of `b` into. He keeps to the protocol as far as a test wants. */
export class HostileAttempt {
  private constructor(
    private readonly lab: BesiegedLab,
    private readonly caller: Caller,
    private readonly id: string,
    private readonly secret: Uint8Array,
  ) {}

  static async offer(lab: BesiegedLab): Promise<HostileAttempt> {
    const caller = await lab.introduce('b');
    const id = randomBytes(16).toString('hex');
    const controllingRandom = randomBytes(32);
    caller.say({ type: 'attempt', id, strategy, random: controllingRandom.toString('hex') });
    const accept = await caller.hear('accept');
    const secret = deriveSecret({
      attempt: id,
      strategy,
      controllingKey: lab.host.router.key,
      controlledKey: lab.lab.b.router.key,
      controllingRandom,
      controlledRandom: Buffer.from(String(accept.random), 'hex'),
    });
    return new HostileAttempt(lab, caller, id, secret);
  }

  send(payload: unknown): void {
    this.caller.say({ type: 'data', id: this.id, payload });
  }

  /** The agent's own candidates, which it shows first. */
  async candidates(): Promise<readonly WireCandidate[]> {
    const { payload } = await this.caller.hear('data');
    return (payload as { candidates: WireCandidate[] }).candidates;
  }

  /** The stranger's candidates, when it is his turn. */
  async sendCandidates(candidates: readonly WireCandidate[]): Promise<void> {
    await this.candidates();
    this.send({ candidates });
  }

  /**
   * Connects to the port that the agent listens on.
   * @param proof what is shown as the proof. @default the right one
   * @returns the stream once the agent has proved itself too, or undefined when it ends without having sent a byte
   */
  async connectAndProve(proof: Uint8Array = deriveKey(this.secret, 'proof controlling')): Promise<Socket | undefined> {
    const [first] = await this.candidates();
    if (!first) throw new LabError('the agent has no candidate');
    const stream = await this.lab.stranger.dial({ host: first.address, port: first.port });
    stream.write(Buffer.concat([proofMagic, proof]));
    const answer = await bytesFrom(stream, proofMagic.length + 32);
    return answer.length > 0 ? stream : undefined;
  }

  /** Nominates a proven path. Resolves when the agent has taken it. */
  async choose(path: Socket | undefined): Promise<void> {
    if (!path) throw new LabError('there is no path');
    path.write(Buffer.concat([nomination, pingRecord]));
    await bytesFrom(path, pingRecord.length);
  }

  /** Hands the chosen path over to the routers. */
  async start(path: Socket | undefined): Promise<void> {
    if (!path) throw new LabError('there is no path');
    path.write(startRecord);
    await bytesFrom(path, startRecord.length);
  }

  end(): void {
    this.caller.say({ type: 'end', id: this.id, code: 'ATTEMPT_ABORTED', message: 'enough' });
  }

  hangUp(): void {
    this.caller.hangUp();
  }

  /** Why the attempt ended, as the agent's log has it. */
  failure(): Promise<AgentLine<'attempt.failed'>> {
    return this.lab.agents.b.event('attempt.failed', { where: ({ attempt }) => attempt === this.id });
  }

  bridgeFailure(): Promise<AgentLine<'bridge.failed'>> {
    return this.lab.agents.b.event('bridge.failed', { where: ({ attempt }) => attempt === this.id });
  }
}

/** So many bytes, or as many as come before the other end closes. */
function bytesFrom(stream: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const read = () => {
      const bytes = stream.read(length) as Buffer | null;
      if (bytes !== null || stream.readableEnded || stream.destroyed) settle(bytes ?? Buffer.alloc(0));
    };
    const settle = (bytes: Buffer) => {
      for (const event of ['readable', 'end', 'close']) stream.off(event, read);
      resolve(bytes);
    };
    for (const event of ['readable', 'end', 'close']) stream.on(event, read);
    read();
  });
}
