import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeOf, Prefix, packed } from '../../packaging/prefix.js';
import { Crossing } from '../crossing.js';

/** Others than the one that runs the tests are named by RATATOSKR_NODE_VERSIONS, as in `20,22,24`. */
const majors = (process.env.RATATOSKR_NODE_VERSIONS ?? process.versions.node.split('.')[0] ?? '').split(',').map(Number);
const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-installed-'));
let tarball: string;
beforeAll(() => {
  tarball = packed(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

it.each(majors)('what npm installed from the tarball bridges two NATs, on Node %i', async (major) => {
  const node = nodeOf(major);
  const { program } = new Prefix(path.join(folder, `${major}`), node, tarball);
  const crossing = await Crossing.prepare({ a: 'prc', b: 'prc', agent: { program: [node, program] } });
  try {
    expect(await crossing.run({ settleMs: 500 })).toMatchObject({ kind: 'direct' });
    expect(await crossing.end()).toEqual([]);
  } finally {
    await crossing.close();
  }
});
