import { Readable } from 'node:stream';
import { main, type Surroundings } from '../../src/cli/program.js';

const unexpected = () => Promise.reject(new Error('not this command'));
const unused = {
  run: unexpected,
  stun: unexpected,
  relay: unexpected,
  invite: unexpected,
  coordinator: unexpected,
  coordinatorInvite: unexpected,
  validate: unexpected,
  examine: unexpected,
  survey: unexpected,
};

/** Runs a command line in an empty environment. Whatever it reaches beyond `surroundings` fails. */
export async function runCommand(args: readonly string[], surroundings: Partial<Surroundings> = {}) {
  const told = { out: '', err: '' };
  const code = await main(args, {
    env: {},
    uid: 1000,
    stdin: Readable.from(['']),
    out: (text) => {
      told.out += text;
    },
    err: (text) => {
      told.err += text;
    },
    ...unused,
    ...surroundings,
  });
  return { code, ...told };
}
