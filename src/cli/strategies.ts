import type { Command } from 'commander';
import { exitCodes } from './exit-codes.js';

/** One strategy, as `ratatoskr strategies` shows it. */
export interface StrategyRow {
  /** Its place on the ladder, from 1; null when the configuration does not name it. */
  readonly order: number | null;
  /** What the configuration calls it, where it has no name because it could not be loaded. */
  readonly name: string;
  readonly origin: 'built-in' | 'package' | 'path';
  /** Of a plugin that was found. */
  readonly package?: string;
  readonly file?: string;
  readonly version?: string;
  readonly enabled: boolean;
  /** `unknown` is not checked, or not for certain. */
  readonly usable: 'yes' | 'no' | 'unknown';
  /** Why not, or what limits it. */
  readonly reason?: string;
  /** Why it could not be loaded, and the next step. */
  readonly code?: string;
  readonly help?: string;
}

export interface StrategiesCommand {
  readonly out: (text: string) => unknown;
  /** Looks at the strategies of a configuration. @param file undefined for the usual places */
  readonly survey: (file: string | undefined) => Promise<readonly StrategyRow[]>;
  readonly exit: (code: number) => void;
}

/** Adds the command to the program. */
export function addStrategiesCommand(program: Command, { out, survey, exit }: StrategiesCommand): void {
  program
    .command('strategies')
    .description('list the ways to open a path: which are enabled, where they come from and whether they are usable here')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .option('-c, --config <FILE>', 'read the configuration from FILE, or from standard input for -')
    .option('--json', 'one JSON array instead of a table')
    .addHelpText('after', () => strategiesHelp)
    .action(async ({ config, json }: { config?: string; json?: boolean }) => {
      const rows = await survey(config);
      out(json ? `${JSON.stringify(rows, null, 2)}\n` : table(rows));
      if (rows.some(({ enabled, code }) => enabled && code !== undefined)) exit(exitCodes.failed.code);
    });
}

function table(rows: readonly StrategyRow[]): string {
  const head = ['', 'STRATEGY', 'VERSION', 'ENABLED', 'USABLE', 'ORIGIN'];
  const cells = rows.map(({ order, name, version, enabled, usable, origin, file, code }) => [
    order === null ? '' : String(order),
    name,
    version ?? '-',
    enabled ? 'yes' : 'no',
    code === undefined ? usable : 'no',
    file ?? origin,
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const indent = ' '.repeat((widths[0] ?? 0) + 2);
  const lines = rows.flatMap(({ reason, code, help }, index) => [
    line(cells[index] ?? []),
    ...(reason === undefined ? [] : [`${indent}${reason}${code === undefined ? '' : ` (${code})`}`]),
    ...(help === undefined ? [] : [`${indent}→ ${help}`]),
  ]);
  return `${[line(head), ...lines].join('\n')}\n`;
}

const strategiesHelp = `
The order is that of the ladder, best first; those that the configuration does not name come last. Each is asked whether it is
usable on this machine, which leaves nothing behind: "unknown" means that only an attempt can tell.

Exit codes:
  ${exitCodes.ok.code}  every enabled strategy could be loaded, usable here or not
  ${exitCodes.failed.code}  an enabled one could not be loaded; the agent would run without it
  ${exitCodes.usage.code}  ${exitCodes.usage.meaning}
  ${exitCodes.config.code}  ${exitCodes.config.meaning}`;
