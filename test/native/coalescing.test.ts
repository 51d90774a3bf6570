import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('coalescing/rests.cc', import.meta.url));
const restUs = 500;

let folder: string;
let program: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-coalescing-'));
  program = path.join(folder, 'rests');
  execFileSync(process.env.CXX ?? 'g++', ['-std=c++20', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @param rates in Mbit/s, each for a tenth of a second, in which a thread looks every millisecond. @returns the rests of each, less repetitions */
function rests(...rates: number[]): number[][] {
  let [received, now] = [0, 0];
  const looks = rates.flatMap((mbitPerSecond) =>
    Array.from({ length: 100 }, () => {
      now += 1000;
      received += mbitPerSecond * 125;
      return `${received} ${now}`;
    }),
  );
  const told = execFileSync(program, { input: looks.join('\n'), encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number);
  expect(told).toHaveLength(looks.length);
  return rates.map((_, index) => [...new Set(told.slice(index * 100, index * 100 + 100))]);
}

describe('a thread that takes datagrams', () => {
  it.each([
    ['does not rest while little comes', 24, 0],
    ['rests where each would wake it up', 40, restUs],
    ['rests nearly up to where several come at once anyway', 240, restUs],
    ['does not rest beyond that', 300, 0],
    ['does not rest at a gigabit', 1000, 0],
  ])('%s: %i Mbit/s', (_, rate, rest) => {
    const [, settled] = rests(rate, rate);
    expect(settled).toEqual([rest]);
  });

  it('does not rest before it has seen a rate', () => {
    const [first] = rests(100);
    expect(first?.[0]).toBe(0);
  });

  it('follows the rate up and down', () => {
    const [, slow, , busy, , fast, , idle] = rests(8, 8, 100, 100, 600, 600, 0, 0);
    expect([slow, busy, fast, idle]).toEqual([[0], [restUs], [0], [0]]);
  });
});
