import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../test/lab/host.js';
import type { Lab } from '../../test/lab/lab.js';
import type { LabProcess } from '../../test/lab/process.js';
import { publicAddresses } from '../../test/lab/topology.js';
import type { BenchOptions } from '../case.js';
import type { Carrier } from './carrier.js';
import { separate } from './peering.js';

const stunServer = publicAddresses[0];
/** Of the STUN server of RFC 3489 over TCP that ygg-p2p-agent wants. */
const oldStunPort = 3490;

/** Other programs that do what ours does. */
export function rivals({ jumper, poc }: BenchOptions): readonly Carrier[] {
  return [
    ...(jumper ? [rival('yggdrasil-jumper', (host) => startJumper(host, jumper))] : []),
    ...(poc ? [rival('ygg-p2p-agent', (host) => startPoc(host, poc), startOldStun)] : []),
  ];
}

function rival(name: string, start: (host: Host) => LabProcess, prepare?: (lab: Lab) => Promise<LabProcess>): Carrier {
  return {
    name,
    bridges: true,
    async start(lab) {
      const server = await prepare?.(lab);
      const agents = [start(lab.a), start(lab.b)];
      const close = async () => {
        await Promise.all([...agents, ...(server ? [server] : [])].map((each) => each.stop('SIGTERM', { patienceMs: 1000 })));
        await separate(lab);
      };
      return { agents, close };
    },
  };
}

function startJumper(host: Host, program: string): LabProcess {
  const config = [
    `yggdrasil_admin_listen = ["${host.router.adminUri}"]`,
    `stun_servers = ["${stunServer}:3478"]`,
    'yggdrasil_listen = ["quic://0.0.0.0:7003", "tcp://0.0.0.0:7002"]',
  ];
  writeFileSync(join(host.folder, 'jumper.toml'), config.join('\n'));
  const args = ['--config', `${host.insideFolder}/jumper.toml`, '--loglevel', 'info'];
  return host.spawn([program, ...args], { name: 'jumper' });
}

function startPoc(host: Host, checkout: string): LabProcess {
  const folder = join(host.folder, 'poc');
  cpSync(checkout, folder, { recursive: true });
  const program = join(folder, 'ygg-p2p-agent.py');
  // yggdrasil 0.5 dials no address 0.0.0.0, which it is handed.
  const mended = readFileSync(program, 'utf8').replace("local_sock.bind(('0.0.0.0', 0))", "local_sock.bind(('127.0.0.1', 0))");
  writeFileSync(program, mended);
  const config = [
    `api_endpoint = "${host.router.adminUri.slice('unix://'.length)}"`,
    'listen_port = 9999',
    'whitelist = []',
    `stun_servers = ["${stunServer}"]`,
    `stun_port = ${oldStunPort}`,
  ];
  writeFileSync(join(folder, 'config.py'), config.join('\n'));
  return host.spawn(['python3', '-u', `${host.insideFolder}/poc/ygg-p2p-agent.py`], { name: 'poc' });
}

async function startOldStun(lab: Lab): Promise<LabProcess> {
  const program = fileURLToPath(new URL('old-stun.mjs', import.meta.url));
  const server = lab.p.spawn([process.execPath, program, stunServer, String(oldStunPort)], { name: 'old-stun' });
  await server.line('sign of readiness', (line) => line === 'ready' || undefined);
  return server;
}
