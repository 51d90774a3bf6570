import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import type { Host } from '../host.js';

/** Without these Chromium asks its maker for this and that. */
const quiet = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

export interface HostBrowser {
  readonly browser: Browser;
  close(): Promise<void>;
}

/** Starts a headless Chromium on a host of the laboratory, driven from outside. */
export async function browserOn(host: Host): Promise<HostBrowser> {
  const folder = mkdtempSync(join(tmpdir(), 'ratatoskr-browser-'));
  const program = join(folder, 'chromium');
  writeFileSync(program, `#!/bin/sh\nexec ${host.command(['chromium']).join(' ')} "$@"\n`);
  chmodSync(program, 0o755);
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', ...quiet];
  const browser = await chromium.launch({ executablePath: program, args });
  return {
    browser,
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
