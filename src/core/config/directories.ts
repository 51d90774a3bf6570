import { existsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import type { Config } from './schema.js';

/** What decides where "auto" puts the agent's directories. */
export interface DirectoryContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** undefined where there are no user ids (Windows). */
  readonly uid: number | undefined;
  readonly home: string;
  readonly temporary: string;
  /** The system's folder of what ends with a boot. */
  readonly run: string;
}

/** Replaces "auto" in `stateDir` and `runtimeDir` by absolute paths; nothing is created. Idempotent. */
export function resolveDirectories(config: Config, context: DirectoryContext = thisProcess()): Config {
  const { stateDir, runtimeDir } = config;
  return {
    ...config,
    stateDir: stateDir === 'auto' ? autoStateDir(context) : stateDir,
    runtimeDir: runtimeDir === 'auto' ? autoRuntimeDir(context) : runtimeDir,
  };
}

function thisProcess(): DirectoryContext {
  return {
    env: process.env,
    uid: process.getuid?.(),
    home: homedir(),
    temporary: tmpdir(),
    run: existsSync('/run') ? '/run' : '/var/run',
  };
}

function autoStateDir({ env, uid, home }: DirectoryContext): string {
  const given = absolute(env.STATE_DIRECTORY?.split(':')[0]);
  if (given !== undefined) return given;
  if (uid === 0) return '/var/lib/ratatoskr';
  return path.join(absolute(env.XDG_STATE_HOME) ?? path.join(home, '.local', 'state'), 'ratatoskr');
}

function autoRuntimeDir({ env, uid, temporary, run }: DirectoryContext): string {
  const given = absolute(env.RUNTIME_DIRECTORY?.split(':')[0]);
  if (given !== undefined) return given;
  if (uid === 0) return path.join(run, 'ratatoskr');
  const session = absolute(env.XDG_RUNTIME_DIR);
  if (session !== undefined) return path.join(session, 'ratatoskr');
  return path.join(absolute(env.TMPDIR) ?? temporary, uid === undefined ? 'ratatoskr' : `ratatoskr-${uid}`);
}

/** The XDG specification says to ignore relative paths; systemd may name several directories, of which ours is the first. */
function absolute(value: string | undefined): string | undefined {
  return value !== undefined && path.isAbsolute(value) ? value : undefined;
}
