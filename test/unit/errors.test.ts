import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { generatedPages } from '../../scripts/write-docs.js';
import { errorCatalogue } from '../../src/core/error-catalogue.js';
import { ConfigError, describeError } from '../../src/core/errors.js';

const page = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test.each(Object.keys(generatedPages))('%s is what its source says (else run `npx tsx scripts/write-docs.ts`)', (path) => {
  expect(page(path)).toBe(generatedPages[path]);
});

describe('the error catalogue', () => {
  const codes = Object.keys(errorCatalogue);
  const documented = [...page('docs/errors.md').matchAll(/^## (\w+)$/gm)].map(([, code]) => code);

  test('has every code in docs/errors.md, and no other', () => {
    expect(documented).toEqual(codes);
  });

  test('is sorted', () => {
    expect(codes).toEqual([...codes].sort());
  });

  test.each(Object.entries(errorCatalogue))('%s has a meaning and a next step, whole sentences', (_code, { meaning, help }) => {
    expect(meaning).toMatch(/^\S.*\.$/);
    expect(help).toMatch(/^\S.*\.$/);
  });
});

describe('describeError', () => {
  test('takes the next step from the catalogue unless the thrower knows better', () => {
    expect(describeError(new ConfigError('CONFIG_SYNTAX', 'x')).help).toBe(errorCatalogue.CONFIG_SYNTAX.help);
    expect(describeError(new ConfigError('CONFIG_SYNTAX', 'x', { help: 'do y' })).help).toBe('do y');
  });

  test('names a system error by its code and anything else by what there is', () => {
    expect(describeError(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }))).toEqual({
      code: 'ECONNREFUSED',
      message: 'no',
    });
    expect(describeError(new TypeError('no'))).toEqual({ code: 'TypeError', message: 'no' });
    expect(describeError('no')).toEqual({ code: 'UNKNOWN', message: 'no' });
  });
});
