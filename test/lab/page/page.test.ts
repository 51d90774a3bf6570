import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import { Lab } from '../lab.js';
import { browserOn, type HostBrowser } from './browser.js';

const url = 'http://127.0.0.1:4780/';
const images = fileURLToPath(new URL('../../../docs/images', import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Elements that reach beyond the window. */
const tooWide = `[...document.querySelectorAll('#page *')]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .map(({ outerHTML }) => outerHTML.slice(0, 80))`;

/** Writes docs/images anew where RATATOSKR_SCREENSHOTS is set; they differ from run to run. */
async function picture(page: Page, name: string): Promise<void> {
  if (process.env.RATATOSKR_SCREENSHOTS) await page.screenshot({ path: `${images}/${name}.png`, fullPage: true });
}

describe('the status page in a browser', () => {
  let lab: Lab;
  let agents: readonly [AgentProcess, AgentProcess];
  let browser: HostBrowser;
  let page: Page;
  const complaints: string[] = [];
  const foreign: string[] = [];

  /** What axe-core finds wrong with the page as it is now. */
  const violations = async (): Promise<string[]> => {
    await page.evaluate(axe);
    const { violations: found } = (await page.evaluate('axe.run()')) as AxeResults;
    return found.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  };
  const peerLine = () => page.locator(`[data-peer="${lab.b.router.address}"]`);

  beforeAll(async () => {
    lab = await Lab.create({ a: 'prc', b: 'cgnat', links: { a: 5, b: 5, p: 25 } });
    agents = [lab.a.agent({ args: ['--http', '127.0.0.1:4780'] }), lab.b.agent()];
    await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
    browser = await browserOn(lab.a);
    page = await browser.browser.newPage({ viewport: { width: 1100, height: 720 }, colorScheme: 'light' });
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => !request.url().startsWith(url) && foreign.push(request.url()));
    await page.goto(url);
    await lab.settled();
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.close();
  });

  it('shows the router, and says where peers come from while there are none', async () => {
    await page.getByText(lab.a.router.address).waitFor();
    await page.getByText('Peers come with sessions').waitFor();
    await page.getByText('live', { exact: true }).waitFor();
  });

  it('shows a bridge within two seconds of its coming up', async () => {
    await lab.a.ping(lab.b.router.address, { count: 1 });
    await agents[0].event('bridge.up');
    await page.locator(`.direct[data-peer="${lab.b.router.address}"]`).waitFor({ timeout: 2000 });
    expect(await peerLine().textContent()).toMatch(/direct, [a-z-]+/);
  });

  it('shows each attempt with what came of it', async () => {
    const ladder = page.getByRole('region', { name: 'Attempts' });
    await ladder.getByText('● bridge').first().waitFor();
    expect(await ladder.textContent()).toContain(lab.b.router.address);
  });

  it('tells how the network in front of it behaves, and which strategies that suits', async () => {
    const network = page.getByRole('region', { name: 'Network' });
    await network.getByText('endpoint-independent').first().waitFor();
    const strategies = page.getByRole('region', { name: 'Strategies' });
    await strategies.getByText('? unknown').first().waitFor();
  });

  it('opens a peer by the keyboard and draws what goes over its bridge', async () => {
    const flow = lab.a.spawn(['ping', '-6', '-q', '-i', '0.01', '-s', '1000', lab.b.router.address]);
    await peerLine().getByRole('button').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => peerLine().getByRole('button').getAttribute('aria-expanded')).toBe('true');
    const plot = page.getByRole('img', { name: /^Throughput with .* kB a second received/ });
    await plot.waitFor();
    await expect.poll(() => plot.locator('path.line').getAttribute('d')).toMatch(/^M[\d.]+ [\d.]+L/);
    await page.getByRole('img', { name: /^Round trip of the bridge: from \d/ }).waitFor();
    if (process.env.RATATOSKR_SCREENSHOTS) await page.waitForTimeout(60_000);
    await peerLine().getByRole('button').blur();
    await picture(page, 'status-light');
    await flow.stop();
  });

  it('has nothing that axe-core finds wrong, in light and dark and on a phone', async () => {
    expect(await violations()).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await violations()).toEqual([]);
    await picture(page, 'status-dark');
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await violations()).toEqual([]);
    expect(await page.evaluate(tooWide)).toEqual([]);
  });

  it('takes the bridge away when its peer’s agent is killed', async () => {
    await agents[1].kill9();
    await agents[0].event('bridge.down');
    await page.locator(`.none[data-peer="${lab.b.router.address}"]`).waitFor({ timeout: 2000 });
  });

  it('did all that without a complaint, and without asking anybody else', () => {
    expect(complaints).toEqual([]);
    expect(foreign).toEqual([]);
  });

  it('says when the agent is gone, and is live again when one is back', async () => {
    await agents[0].kill9();
    await page.getByText('the agent does not answer').first().waitFor();
    await lab.a.agent({ args: ['--http', '127.0.0.1:4780'] }).event('router.connected');
    await page.getByText('live', { exact: true }).waitFor();
  });
});
