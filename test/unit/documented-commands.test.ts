import { readdirSync, readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { everyCommand, idleProgram } from '../../scripts/commands-page.js';
import { checkPlugins } from '../../src/cli/survey-strategies.js';
import { parseConfig } from '../../src/core/config.js';
import { PluginError } from '../../src/core/errors.js';

const root = new URL('../../', import.meta.url);
const pages = ['README.md', ...readdirSync(new URL('docs', root)).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);
const textOf = (page: string) => readFileSync(new URL(page, root), 'utf8');

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

describe.each(pages)('%s', (page) => {
  const commands = commandsIn(textOf(page));

  test('shows commands that the program takes', async () => {
    const complaints = await Promise.all(commands.map(complaint));
    expect(complaints.filter((each) => each !== undefined)).toEqual([]);
  });
});

const configurations = pages
  .map((page) => ({ page, snippets: [...textOf(page).matchAll(/^```hjson\n(.*?)^```/gms)].map(([, snippet = '']) => snippet) }))
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
  expect(pages.flatMap((page) => commandsIn(textOf(page))).length).toBeGreaterThan(40);
});
