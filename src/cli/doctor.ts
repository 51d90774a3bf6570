import type { Command } from 'commander';
import { z } from 'zod';
import type { Config } from '../core/config.js';
import { type Finding, findingSchema } from '../doctor/finding.js';
import { verdictSchema } from '../doctor/strategy-verdicts.js';
import { ConfigReader, type ConfigSource } from './config-source.js';
import { exitCodes } from './exit-codes.js';

/** Version of what `ratatoskr doctor --json` prints. */
export const diagnosisVersion = 1;

export const diagnosisSchema = z.object({
  schemaVersion: z.literal(diagnosisVersion),
  version: z.string().describe('of ratatoskr'),
  agentRunning: z.boolean(),
  findings: z.array(findingSchema),
  strategies: z.array(verdictSchema).describe('in the order of the configuration'),
});
export type Diagnosis = z.infer<typeof diagnosisSchema>;

export interface DoctorRequest {
  readonly config: Config;
  /** Where the configuration is. */
  readonly folder: string;
  /** Key or overlay address of a peer to try. */
  readonly peer?: string;
}

export interface DoctorCommand extends Pick<ConfigSource, 'env' | 'uid' | 'stdin' | 'systemFile'> {
  readonly out: (text: string) => unknown;
  readonly examine: (request: DoctorRequest) => Promise<Diagnosis>;
  readonly exit: (code: number) => void;
}

interface Options {
  readonly config?: string;
  readonly runtimeDir?: string;
  readonly admin?: string;
  readonly json?: boolean;
  readonly peer?: string;
}

/** Adds the command to the program. */
export function addDoctorCommand(program: Command, command: DoctorCommand): void {
  program
    .command('doctor')
    .description('examine this machine: what works, what does not, and what to do about it')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .option('-c, --config <FILE>', 'the configuration of the agent, or standard input for -')
    .option('--runtime-dir <DIR>', 'the runtime folder of the agent')
    .option('--admin <URI>', 'the router’s Admin API: auto, unix:///path or tcp://host:port')
    .option('--peer <PEER>', 'have the running agent try this peer, by public key or overlay address, and tell what came of it')
    .option('--json', 'for programs')
    .addHelpText('after', () => help)
    .action(async ({ config: file, runtimeDir, admin, json, peer }: Options) => {
      const overrides = [
        ...(runtimeDir === undefined ? [] : [{ path: ['runtimeDir'], value: runtimeDir, origin: '--runtime-dir' }]),
        ...(admin === undefined ? [] : [{ path: ['admin'], value: admin, origin: '--admin' }]),
      ];
      const { config, folder } = await new ConfigReader({ ...command, file, overrides }).read();
      const diagnosis = await command.examine({ config, folder, ...(peer === undefined ? {} : { peer }) });
      command.out(json ? `${JSON.stringify(diagnosis, null, 2)}\n` : diagnosisText(diagnosis));
      if (!isHealthy(diagnosis)) command.exit(exitCodes.failed.code);
    });
}

/** Is there nothing that the operator should mend? */
function isHealthy({ findings, strategies }: Diagnosis): boolean {
  const sound = findings.every(({ state }) => state !== 'problem') && strategies.every(({ code }) => code === null);
  return sound && strategies.some(({ usable }) => usable !== 'no');
}

/** `ratatoskr doctor` for people. */
export function diagnosisText({ version, agentRunning, findings, strategies }: Diagnosis): string {
  const problems = findings.filter(({ state }) => state === 'problem').length;
  const lines = [`ratatoskr ${version}; ${agentRunning ? 'an agent is running' : 'no agent is running'}`, ''];
  for (const finding of findings) lines.push(...findingLines(finding));
  lines.push('', 'strategies, best first');
  for (const { strategy, usable, code, message, help: next } of strategies) {
    const state = usable === 'unknown' ? 'perhaps' : usable;
    lines.push(
      `  ${strategy.padEnd(20)} ${state.padEnd(8)} ${[message, code && `(${code})`].filter(Boolean).join(' ')}`.trimEnd(),
    );
    if (next !== null) lines.push(`    → ${next}`);
  }
  lines.push(
    '',
    problems === 0 ? 'No problem was found.' : `${problems === 1 ? 'One problem was' : `${problems} problems were`} found.`,
  );
  return `${lines.join('\n')}\n`;
}

const marks = { ok: '✓', problem: '✗', unchecked: '?' } as const;

function findingLines({ check, state, code, message, help: next }: Finding): string[] {
  const why = code === null ? '' : ` (${code})`;
  return [`${marks[state]} ${check.padEnd(16)} ${message}${why}`, ...(next === null ? [] : [`    → ${next}`])];
}

const help = `
Works with a running agent and without one; with one it knows more. It asks the router, the gateway and the configured STUN servers,
and leaves nothing behind: no port mapping, no peering.

  ✓  looked at, and fine      ✗  a problem, with its code and what to do      ?  not checked, which is not the same as fine

Examples:
  ratatoskr doctor
  ratatoskr doctor --config /etc/ratatoskr.conf --json
  ratatoskr doctor --peer 200:1234:5678::1

Exit codes:
  ${exitCodes.ok.code}  no problem was found
  ${exitCodes.failed.code}  there are problems, or the doctor itself failed
  ${exitCodes.usage.code}  ${exitCodes.usage.meaning}
  ${exitCodes.config.code}  ${exitCodes.config.meaning}`;
