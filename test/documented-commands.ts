import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

/** A page for users, by its path in the project. */
export interface Page {
  readonly name: string;
  readonly text: string;
}

/** README.md and what is in docs. */
export const pages: readonly Page[] = ['README.md', ...readdirSync(new URL('docs', root)).map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(new URL(name, root), 'utf8') }));

/** The code blocks of a text that are marked as of that language, in order. */
export function codeBlocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block = '']) => block);
}

/** Scripts for a shell in a text: blocks marked sh, and the examples of what --help prints. Each is a list of commands, one a line. */
export function shellScripts(text: string): string[][] {
  const help = codeBlocks(text, 'text').map((block) => /^Examples:\n((?: {2}\S.*\n)+)/m.exec(block)?.[1] ?? '');
  // What the help says of an example stands apart from it.
  const examples = help.map((block) => commandsOf(block).map((line) => line.replace(/ {2}.*/, '')));
  return [...codeBlocks(text, 'sh').map(commandsOf), ...examples].filter((script) => script.length > 0);
}

function commandsOf(block: string): string[] {
  return block
    .split('\n')
    .map((line) => line.replace(/ +# .*/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}
