import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isStrategyName } from '../core/plugins/strategy-name.js';
import { type PluginLicense, pluginLicenses, writePlugin } from './write-plugin.js';

const prefix = 'ratatoskr-strategy-';

interface NewOptions {
  dir?: string;
  license: PluginLicense;
}

/** Adds the commands for authors of plugins to the program. */
export function addPluginCommand(program: Command, out: (text: string) => unknown): void {
  const plugin = program.command('plugin').description('write a strategy of your own').copyInheritedSettings(program);
  plugin
    .command('new')
    .description('write a package with a strategy that works, tests included, to begin from')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .argument('<NAME>', 'what the strategy is called, such as forwarded-port or @scope/forwarded-port', parseName)
    .option('--dir <DIR>', `where to write it (default: ${prefix}NAME in the current folder)`)
    .addOption(new Option('--license <LICENSE>', 'the license to put into it').choices(pluginLicenses).default('Apache-2.0'))
    .addHelpText('after', () => newHelp)
    .action(async ({ strategy, packageName }: PluginName, { dir, license }: NewOptions) => {
      const folder = path.resolve(dir ?? `${prefix}${strategy}`);
      const files = await writePlugin(folder, { strategy, packageName, license });
      out(`${files.map((file) => `${path.join(folder, file)}\n`).join('')}\n${nextSteps(path.relative('', folder))}`);
    });
}

interface PluginName {
  readonly strategy: string;
  readonly packageName: string;
}

/** Takes the name with the prefix of packages or without, behind a scope or not. */
function parseName(text: string): PluginName {
  const [, scope = '', name = ''] = /^(@[a-z0-9][a-z0-9._-]*\/)?(.*)$/s.exec(text) ?? [];
  const strategy = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  const packageName = `${scope}${prefix}${strategy}`;
  // npm takes no longer names.
  if (!isStrategyName(strategy) || packageName.length > 214) {
    throw new InvalidArgumentError('Write lower-case words joined by hyphens, 64 characters at most, as in forwarded-port.');
  }
  return { strategy, packageName };
}

function nextSteps(folder: string): string {
  return `Next:\n${folder === '' ? '' : `  cd ${folder}\n`}  npm install\n  npm test\n`;
}

const newHelp = `
Examples:
  ratatoskr plugin new forwarded-port
  ratatoskr plugin new @example/forwarded-port --dir ../mine --license MIT

Nothing is overwritten. docs/plugins.md leads from here to a published package.`;
