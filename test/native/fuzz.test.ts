import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const parts = ['frame-scanner', 'beat', 'link', 'tunnel-segments'].map((name) =>
  path.join(root, 'src/native/addon', `${name}.cc`),
);
const flags = ['-std=c++20', '-g', '-O1', '-fno-exceptions', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'];
/** Inputs beyond the corpus. For a long run: build as below and give it a folder and -max_total_time. */
const runs = 20_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-fuzz-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('under libFuzzer with both sanitizers', () => {
  it.each(['scanner', 'link', 'segments'])('the %s takes any input without harm', { timeout: 180_000 }, (target) => {
    const program = path.join(folder, target);
    execFileSync('clang++', [...flags, '-o', program, path.join(root, `test/native/fuzz/${target}.cc`), ...parts]);
    // What it finds is added to the first folder.
    const corpus = path.join(folder, `${target}-corpus`);
    cpSync(path.join(root, 'test/native/corpus', target), corpus, { recursive: true });
    const run = spawnSync(program, [`-runs=${runs}`, '-max_len=1024', '-timeout=10', corpus], { cwd: folder, encoding: 'utf8' });
    expect({ status: run.status, tail: run.status === 0 ? '' : run.stderr.slice(-4000) }).toEqual({ status: 0, tail: '' });
  });
});
