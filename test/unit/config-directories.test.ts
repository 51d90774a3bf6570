import { expect, test } from 'vitest';
import { type DirectoryContext, resolveDirectories } from '../../src/core/config/directories.js';
import { defaultConfig } from '../../src/core/config.js';

const user: DirectoryContext = { env: {}, uid: 1000, home: '/home/u', temporary: '/tmp', run: '/run' };

function directories(context: Partial<DirectoryContext>): [state: string, runtime: string] {
  const { stateDir, runtimeDir } = resolveDirectories(defaultConfig(), { ...user, ...context });
  return [stateDir, runtimeDir];
}

test.each<[string, Partial<DirectoryContext>, [string, string]]>([
  ['a user without any variable', {}, ['/home/u/.local/state/ratatoskr', '/tmp/ratatoskr-1000']],
  [
    'a user of the XDG directories',
    { env: { XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/run/user/1000' } },
    ['/s/ratatoskr', '/run/user/1000/ratatoskr'],
  ],
  [
    'relative XDG directories',
    { env: { XDG_STATE_HOME: 's', XDG_RUNTIME_DIR: 'r', TMPDIR: '/t' } },
    ['/home/u/.local/state/ratatoskr', '/t/ratatoskr-1000'],
  ],
  ['root', { uid: 0, env: { XDG_RUNTIME_DIR: '/run/user/0' } }, ['/var/lib/ratatoskr', '/run/ratatoskr']],
  ['root where there is no /run', { uid: 0, run: '/var/run' }, ['/var/lib/ratatoskr', '/var/run/ratatoskr']],
  [
    'systemd, with more than one directory',
    { uid: 0, env: { STATE_DIRECTORY: '/var/lib/x:/var/lib/y', RUNTIME_DIRECTORY: '/run/x' } },
    ['/var/lib/x', '/run/x'],
  ],
])('"auto" for %s', (_who, context, expected) => {
  expect(directories(context)).toEqual(expected);
});

test('directories that were named stay', () => {
  const config = { ...defaultConfig(), stateDir: '/a', runtimeDir: '/b' };
  expect(resolveDirectories(config, user)).toEqual(config);
});
