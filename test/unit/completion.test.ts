import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { idleProgram } from '../../scripts/commands-page.js';
import { candidates } from '../../src/cli/completion.js';
import { completionScripts } from '../../src/cli/completion-scripts.js';

const peers = ['200:aa::1', '200:ab::2'];
/** What may stand at the end of a line. */
const offered = (line: string) => candidates(idleProgram(), line.split(' ').slice(1), async () => peers);

describe('what can be completed', () => {
  test.each([
    ['ratatoskr st', ['status', 'strategies', 'stun']],
    ['ratatoskr comp', ['completion']],
    ['ratatoskr run --lo', ['--log-level', '--log-format']],
    ['ratatoskr run --relay ', ['never', 'faster', 'always']],
    ['ratatoskr run --relay a', ['always']],
    ['ratatoskr plugin ', ['new', 'help']],
    ['ratatoskr explain 200:a', peers],
    ['ratatoskr explain 200:aa::1 ', []],
    ['ratatoskr doctor --peer 200:ab', ['200:ab::2']],
    ['ratatoskr completion ', ['bash', 'zsh', 'fish']],
    ['ratatoskr run --config ', []],
  ])('%s', async (line, words) => {
    expect(await offered(line)).toEqual(words);
  });
});

describe('in a shell', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-completion-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  // Stands in for the program: it offers what it was asked, or the peers.
  const program = path.join(folder, 'ratatoskr');
  writeFileSync(
    program,
    '#!/bin/sh\nshift 2\nfor word; do last=$word; done\ncase $last in 200*) echo 200:aa::1; echo 200:ab::2;; *) echo "got-$#-$last";; esac\n',
  );
  chmodSync(program, 0o755);
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

  function inBash(line: string): string[] {
    const ask = `COMP_LINE='${line}' COMP_POINT=${line.length}; _ratatoskr; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', `${completionScripts.bash}\n${ask}`], { env, encoding: 'utf8' })
      .trim()
      .split('\n');
  }

  test.skipIf(!has('bash'))('bash hands on the words up to the cursor, an empty one at the end included', () => {
    expect(inBash('ratatoskr run --re')).toEqual(['got-2---re']);
    expect(inBash('ratatoskr run ')).toEqual(['got-2-']);
  });

  test.skipIf(!has('bash'))('bash, for which a colon ends a word, gets what comes after the last one', () => {
    expect(inBash('ratatoskr explain 200:a')).toEqual(['aa::1', 'ab::2']);
  });

  for (const shell of ['zsh', 'fish'] as const) {
    test.skipIf(!has(shell))(`${shell} can read its script`, () => {
      const script = path.join(folder, `completion.${shell}`);
      writeFileSync(script, completionScripts[shell]);
      expect(spawnSync(shell, ['-n', script]).status).toBe(0);
    });
  }
});
