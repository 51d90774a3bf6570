import { z } from 'zod';
import { type ErrorCode, errorCatalogue } from '../core/error-catalogue.js';
import { describeError } from '../core/errors.js';

/** What the doctor looks at, in the order in which it tells of it. */
const checkNames = [
  'router',
  'admin-socket',
  'overlay',
  'signalling-port',
  'internet',
  'nat',
  'gateway',
  'stun',
  'routes',
  'clock',
  'native-addon',
  'peer',
] as const;
export type CheckName = (typeof checkNames)[number];

export const findingSchema = z.object({
  check: z.enum(checkNames),
  state: z.enum(['ok', 'problem', 'unchecked']).describe('unchecked is not the same as ok'),
  code: z.string().nullable().describe('of a problem, and of what kept a check from being made; as in docs/errors.md'),
  message: z.string(),
  help: z.string().nullable().describe('what to do'),
});
/** What one check came to. */
export type Finding = z.infer<typeof findingSchema>;

export function ok(check: CheckName, message: string): Finding {
  return { check, state: 'ok', code: null, message, help: null };
}

/** @param help what to do, where it is known better than the catalogue has it */
export function problem(check: CheckName, code: ErrorCode, message: string, help: string = errorCatalogue[code].help): Finding {
  return { check, state: 'problem', code, message, help };
}

/** An error as a problem, in its own words. */
export function problemOf(check: CheckName, error: unknown): Finding {
  const { code, message, help = null } = describeError(error);
  return { check, state: 'problem', code, message, help };
}

export function unchecked(check: CheckName, message: string, help: string | null = null): Finding {
  return { check, state: 'unchecked', code: null, message, help };
}
