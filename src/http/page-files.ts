import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';

/** The status page as scripts/build-page.mjs makes it, from wherever this file runs. */
const folder = new URL('../../dist/page/', import.meta.url);

const files = [
  { route: '/', name: 'index.html', type: 'text/html; charset=utf-8' },
  { route: '/page.js', name: 'page.js', type: 'text/javascript; charset=utf-8' },
  { route: '/page.css', name: 'page.css', type: 'text/css; charset=utf-8' },
  { route: '/icon.svg', name: 'icon.svg', type: 'image/svg+xml' },
] as const;

/** Serves the status page from memory. @throws the system's error when it was not built */
export async function addPageFiles(app: FastifyInstance): Promise<void> {
  for (const { route, name, type } of files) {
    const bytes = await readFile(new URL(name, folder));
    app.get(route, async (_request, reply) => reply.type(type).send(bytes));
  }
}
