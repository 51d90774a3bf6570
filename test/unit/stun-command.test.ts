import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { runStun } from '../../src/cli/run-stun.js';
import type { StunOptions } from '../../src/cli/stun.js';
import { systemClock } from '../../src/core/clock.js';
import type { BindUdpOptions, Net } from '../../src/core/net.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { runCommand } from './run-command.js';

async function ratatoskr(...args: string[]) {
  const asked: StunOptions[] = [];
  const stun = async (options: StunOptions) => {
    asked.push(options);
    return 0;
  };
  return { ...(await runCommand(args, { stun })), asked };
}

describe('ratatoskr stun', () => {
  test('takes the places to answer on', async () => {
    const { asked, code } = await ratatoskr(
      'stun',
      '--listen',
      '192.0.2.1:3478',
      '--listen',
      '[2001:db8::1]:1',
      '--log-level',
      'debug',
    );
    expect(code).toBe(0);
    const listen = [
      { address: '192.0.2.1', port: 3478 },
      { address: '2001:db8::1', port: 1 },
    ];
    expect(asked).toEqual([{ listen, logLevel: 'debug' }]);
  });

  test('takes a second place', async () => {
    const { asked } = await ratatoskr('stun', '--listen', '192.0.2.1:1', '--alternate', '192.0.2.2:2');
    expect(asked).toMatchObject([{ alternate: { address: '192.0.2.2', port: 2 } }]);
  });

  test('shows help with examples', async () => {
    const { out, code } = await ratatoskr('stun', '--help');
    expect(code).toBe(0);
    expect(out).toContain('ratatoskr stun --listen 192.0.2.1:3478 --alternate');
  });

  test.each([
    [['--listen', 'example.org:3478'], 'Write an IP address and a port'],
    [['--listen', '192.0.2.1'], 'Write an IP address and a port'],
    [['--listen', '192.0.2.1:0'], 'Write an IP address and a port'],
    [['--alternate', '192.0.2.2:2'], 'exactly one --listen'],
    [['--listen', '192.0.2.1:1', '--listen', '[::]:1', '--alternate', '192.0.2.2:2'], 'exactly one --listen'],
    [['now'], 'too many arguments'],
  ])('refuses %j with exit code 2', async (args, complaint) => {
    const { code, err, asked } = await ratatoskr('stun', ...args);
    expect({ code, asked }).toEqual({ code: 2, asked: [] });
    expect(err).toContain(complaint);
  });
});

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function serve(options: Partial<StunOptions>, part: Partial<Net> = {}) {
  const host = new EventEmitter();
  const said: string[] = [];
  const written = new EventEmitter();
  const ended = runStun(
    { logLevel: 'info', ...options },
    {
      net: { ...createSystemNet(), ...part },
      clock: systemClock,
      host,
      out: (text) => {
        said.push(text);
        written.emit('text');
      },
    },
  );
  return { host, said, written, ended };
}

describe('the running responder', () => {
  test('says where it answers, and ends at once when it is told to', async () => {
    const place = { address: '127.0.0.1', port: await freePort() };
    const { host, said, written, ended } = serve({ listen: [place] });
    await once(written, 'text');
    expect(said).toEqual([`answering STUN on 127.0.0.1:${place.port}, UDP and TCP\n`]);
    host.emit('SIGTERM');
    expect(await ended).toBe(0);
    expect(host.eventNames()).toEqual([]);
    const again = serve({ listen: [place] });
    await once(again.written, 'text');
    again.host.emit('SIGINT');
    expect(await again.ended).toBe(0);
  });

  test('fails with the code of a taken port', async () => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as net.AddressInfo;
    await expect(serve({ listen: [{ address: '127.0.0.1', port }] }).ended).rejects.toMatchObject({ code: 'STUN_PORT_TAKEN' });
    await new Promise((resolve) => holder.close(resolve));
  });

  test('does without IPv6 on a machine that has none, unless it was asked for', async () => {
    const bound: string[] = [];
    const bindUdp = async ({ local }: BindUdpOptions) => {
      if (local.address.includes(':')) throw Object.assign(new Error('no IPv6'), { code: 'EAFNOSUPPORT' });
      bound.push(local.address);
      return { local, send: () => {}, setTtl: () => {}, close: async () => {} };
    };
    const listenTcp: Net['listenTcp'] = async ({ local }) => ({ local, close: async () => {} });
    const { host, written, ended, said } = serve({}, { bindUdp, listenTcp });
    while (said.length < 2) await once(written, 'text');
    host.emit('SIGTERM');
    expect(await ended).toBe(0);
    expect(bound).toEqual(['0.0.0.0']);
    const asked = serve({ listen: [{ address: '::', port: 1 }] }, { bindUdp, listenTcp });
    await expect(asked.ended).rejects.toMatchObject({ code: 'STUN_LISTEN_FAILED' });
  });
});
