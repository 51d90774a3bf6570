import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { everyCommand, idleProgram } from '../../scripts/commands-page.js';
import { checkPlugins } from '../../src/cli/survey-strategies.js';
import { parseConfig } from '../../src/core/config.js';
import { PluginError } from '../../src/core/errors.js';
import { codeBlocks, pages, shellScripts } from '../documented-commands.js';

/** Command lines of ratatoskr in a text: in code blocks, on lines by themselves, and between backticks. */
function commandsIn(text: string): string[] {
  const inBlocks = [...text.matchAll(/^```\w*\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    [...block.matchAll(/^ *(?:.*[|!;] *|until +|[A-Z_]+=\S+ +)?(?:npx )?ratatoskr (.+)$/gm)].flatMap(([, line = '']) => line),
  );
  const inline = [...text.replace(/^```.*?^```/gms, '').matchAll(/`(?:npx )?ratatoskr ([^`]+)`/g)].flatMap(
    ([, line = '']) => line,
  );
  // What follows is another command's, a comment, or what the help says of it.
  const lines = [...inBlocks, ...inline.map((line) => line.replace(/\s+/g, ' '))];
  const bare = lines.map((line) => line.split(/ [#|>]|;| {2}/)[0]?.trim() ?? '');
  return [...new Set(bare)].filter((line) => /^[a-z-]/.test(line));
}

/** @returns what is wrong with a command line, or undefined */
async function complaint(line: string): Promise<string | undefined> {
  const program = idleProgram();
  for (const command of everyCommand(program)) if (command !== program) command.action(() => {});
  try {
    await program.parseAsync(line.replaceAll(/['"]/g, '').split(' '), { from: 'user' });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // A command may be mentioned without what it wants.
    return error.exitCode === 0 || error.code === 'commander.missingArgument' ? undefined : `ratatoskr ${line}: ${error.message}`;
  }
}

describe.each(pages)('$name', ({ text }) => {
  const commands = commandsIn(text);

  test('shows commands that the program takes', async () => {
    const complaints = await Promise.all(commands.map(complaint));
    expect(complaints.filter((each) => each !== undefined)).toEqual([]);
  });
});

const configurations = pages
  .map(({ name, text }) => ({ page: name, snippets: codeBlocks(text, 'hjson') }))
  .filter(({ snippets }) => snippets.length > 0);

test.each(configurations)('$page shows configuration that passes config --check', async ({ page, snippets }) => {
  for (const [index, snippet] of snippets.entries()) {
    const config = parseConfig(snippet, `${page}, snippet ${index + 1}`);
    // Plugins that a page is about are not installed here.
    await checkPlugins(config, process.cwd()).catch((error: unknown) => {
      if (!(error instanceof PluginError)) throw error;
    });
  }
});

test('commands that do not exist, options that do not and arguments too many would be noticed', async () => {
  const text = '```sh\nratatoskr frobnicate\nnpx ratatoskr status --jsn   # what it does\n```\nSay `ratatoskr ping A B`.';
  expect(commandsIn(text)).toEqual(['frobnicate', 'status --jsn', 'ping A B']);
  for (const line of commandsIn(text)) expect(await complaint(line)).toMatch(/unknown|too many/);
});

test('there are commands to check on most pages, and snippets', () => {
  expect(pages.flatMap(({ text }) => commandsIn(text)).length).toBeGreaterThan(40);
});

test('a script has the commands of a block marked sh, and of the examples of a help, without what is said of them', () => {
  const block = '```sh\n# first\nratatoskr status   # why\n\nls | wc\n```\n';
  const help = '```text\nUsage: ratatoskr x\n\nExamples:\n  ratatoskr x\n  ratatoskr x Y    does Y\n\nIt is good.\n```\n';
  const other = '```text\nnothing to type\n```\n';
  expect(shellScripts(block + help + other)).toEqual([
    ['ratatoskr status', 'ls | wc'],
    ['ratatoskr x', 'ratatoskr x Y'],
  ]);
});
