import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as testing from '../../src/testing.js';

const page = readFileSync(new URL('../../docs/simulation.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^## (.+)$|^```js\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```$/gm)].reduce<
  { title: string; code: string; output: string }[]
>((found, [, title, code, output]) => {
  if (title !== undefined) found.push({ title, code: '', output: '' });
  const last = found.at(-1);
  if (last && code !== undefined && output !== undefined) Object.assign(last, { code, output });
  return found;
}, []);

type Run = (...given: readonly unknown[]) => Promise<void>;
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (...parts: readonly string[]) => Run;

it('docs/simulation.md has examples', () => {
  expect(examples.filter(({ code }) => code).map(({ title }) => title)).toEqual([
    'Hosts and NATs',
    'Two agents',
    'What went wrong',
  ]);
});

it.each(examples.filter(({ code }) => code))('docs/simulation.md, $title: prints what it says', async ({ code, output }) => {
  const printed: string[] = [];
  const body = code.replace(/^import (\{.*\}) from 'ratatoskr\/testing';$/m, 'const $1 = testing;');
  await new AsyncFunction('testing', 'console', body)(testing, { log: (line: string) => printed.push(line) });
  const lines = printed.join('\n').split('\n');
  expect(lines.map((line) => line.trimEnd())).toEqual(output.trimEnd().split('\n'));
});
