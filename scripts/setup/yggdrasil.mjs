import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, putIntoCache } from './cache.mjs';
import { findGo } from './go.mjs';
import { run, say } from './step.mjs';

const source = fileURLToPath(new URL('../../test/lab/yggdrasil', import.meta.url));
/** Hidden bridges need it at both ends. */
const oldest = [0, 5, 13];

/** Path of a yggdrasil that the laboratory can run: the one on PATH when it is new enough, else our own build of it. */
export async function findYggdrasil() {
  if (isNewEnough(spawnSync('yggdrasil', ['-version'], { encoding: 'utf8' }).stdout ?? '')) return 'yggdrasil';
  const module = readFileSync(join(source, 'go.mod'));
  const version = /yggdrasil-go v(\S+)/.exec(module.toString())?.[1];
  const key = createHash('sha256').update(module).update(process.arch).digest('hex').slice(0, 12);
  const path = join(cacheFolder(), `yggdrasil-${version}-${key}`);
  if (!existsSync(path)) await build(version, path.slice(cacheFolder().length + 1));
  return path;
}

/** `Build version: unknown` is no version: such a build may be anything. */
function isNewEnough(output) {
  const version = /Build version: (\d+)\.(\d+)\.(\d+)/.exec(output)?.slice(1).map(Number);
  if (version === undefined) return false;
  const differs = version.findIndex((part, index) => part !== oldest[index]);
  return differs === -1 || version[differs] > oldest[differs];
}

async function build(version, entry) {
  const go = await findGo();
  say(`building yggdrasil ${version} (a minute, once)`);
  const variable = 'github.com/yggdrasil-network/yggdrasil-go/src/version';
  const flags = `-s -w -X ${variable}.buildName=yggdrasil -X ${variable}.buildVersion=${version}`;
  await putIntoCache(entry, (folder) => {
    const output = join(folder, 'yggdrasil');
    run(go, ['build', '-trimpath', '-ldflags', flags, '-o', output, 'github.com/yggdrasil-network/yggdrasil-go/cmd/yggdrasil'], {
      cwd: source,
      env: {
        ...process.env,
        HOME: process.env.HOME || homedir(),
        CGO_ENABLED: '0',
        GOTOOLCHAIN: 'local',
        GOFLAGS: '-mod=readonly',
      },
    });
    return output;
  });
}
