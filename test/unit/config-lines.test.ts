import fc from 'fast-check';
import Hjson from 'hjson';
import { describe, expect, test } from 'vitest';
import { hjsonLines } from '../../src/core/config/hjson-lines.js';

function linesOf(text: string): Record<string, number> {
  return Object.fromEntries(hjsonLines(text).lines);
}

function pathsOf(value: unknown, path: readonly PropertyKey[] = []): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries = Array.isArray(value) ? value.map((item, index) => [index, item] as const) : Object.entries(value);
  return entries.flatMap(([step, item]) => [JSON.stringify([...path, step]), ...pathsOf(item, [...path, step])]);
}

describe('the lines of HJSON', () => {
  test('are those where keys and list items begin', () => {
    const text = [
      '{',
      '  # a: comment',
      '  a: text to the end, of: the line # and beyond',
      '  "b c": 7, d: true // two on a line',
      '  /* a',
      '     block */ e: [',
      '    1, 2',
      '    { f: "}]#" }',
      '  ]',
      "  g: '''",
      '    h: no key',
      "    '''",
      '  i: last',
      '}',
    ].join('\n');
    expect(linesOf(text)).toEqual({
      '["a"]': 3,
      '["b c"]': 4,
      '["d"]': 4,
      '["e"]': 6,
      '["e",0]': 7,
      '["e",1]': 7,
      '["e",2]': 8,
      '["e",2,"f"]': 8,
      '["g"]': 10,
      '["i"]': 13,
    });
  });

  test.each(['00]', '-01, x', '1e999 # beyond all numbers', '- }', '1.5.5, 6'])(
    'take %s for text, as the parser does',
    (value) => {
      const text = `{\n  list: [\n    ${value}\n    2\n  ]\n}`;
      expect(Hjson.parse(text)).toEqual({ list: [value, 2] });
      expect(linesOf(text)).toEqual({ '["list"]': 2, '["list",0]': 3, '["list",1]': 4 });
    },
  );

  test('need no braces around them', () => {
    expect(linesOf('a: 1\n\nb: 2')).toEqual({ '["a"]': 1, '["b"]': 3 });
  });

  test('tell keys that are given twice', () => {
    expect(hjsonLines('{ a: { b: 1\n b: 2 } }').duplicates).toEqual([['a', 'b']]);
  });

  test('are found for everything that the parser finds', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5, noNullPrototype: true });
    fc.assert(
      fc.property(value, fc.constantFrom('min', 'keys', 'strings', 'all'), fc.boolean(), (object, quotes, emitRootBraces) => {
        const text = Hjson.stringify(object, {
          quotes,
          emitRootBraces: emitRootBraces || Object.keys(object).length === 0,
        } as Hjson.SerializeOptions);
        // The parser makes this one a prototype, and no key.
        fc.pre(!text.includes('__proto__'));
        let parsed: unknown;
        try {
          parsed = Hjson.parse(text);
        } catch {
          fc.pre(false);
        }
        fc.pre(typeof parsed === 'object');
        expect([...hjsonLines(text).lines.keys()].sort()).toEqual(pathsOf(parsed).sort());
      }),
    );
  });
});
