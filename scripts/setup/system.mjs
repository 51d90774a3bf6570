import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, SetUpError, say } from './step.mjs';

/** Which package brings a tool. */
const packages = {
  ip: { 'apt-get': 'iproute2', dnf: 'iproute', apk: 'iproute2', pacman: 'iproute2' },
  nft: { 'apt-get': 'nftables', dnf: 'nftables', apk: 'nftables', pacman: 'nftables' },
  ping: { 'apt-get': 'iputils-ping', dnf: 'iputils', apk: 'iputils', pacman: 'iputils' },
  turnserver: { 'apt-get': 'coturn', dnf: 'coturn', apk: 'coturn', pacman: 'coturn' },
  miniupnpd: { 'apt-get': 'miniupnpd-nftables', dnf: 'miniupnpd', apk: 'miniupnpd-nftables', pacman: 'miniupnpd' },
  conntrack: { 'apt-get': 'conntrack', dnf: 'conntrack-tools', apk: 'conntrack-tools', pacman: 'conntrack-tools' },
  microsocks: { 'apt-get': 'microsocks', dnf: 'microsocks', apk: 'microsocks', pacman: 'microsocks' },
  danted: { 'apt-get': 'dante-server', dnf: 'dante-server', apk: 'dante-server', pacman: 'dante' },
  tinyproxy: { 'apt-get': 'tinyproxy-bin', dnf: 'tinyproxy', apk: 'tinyproxy', pacman: 'tinyproxy' },
  chromium: { 'apt-get': 'chromium', dnf: 'chromium', apk: 'chromium', pacman: 'chromium' },
  promtool: { 'apt-get': 'prometheus', dnf: 'golang-github-prometheus', apk: 'prometheus', pacman: 'prometheus' },
  zsh: { 'apt-get': 'zsh', dnf: 'zsh', apk: 'zsh', pacman: 'zsh' },
  fish: { 'apt-get': 'fish', dnf: 'fish', apk: 'fish', pacman: 'fish' },
  curl: { 'apt-get': 'curl', dnf: 'curl', apk: 'curl', pacman: 'curl' },
  jq: { 'apt-get': 'jq', dnf: 'jq', apk: 'jq', pacman: 'jq' },
  less: { 'apt-get': 'less', dnf: 'less', apk: 'less', pacman: 'less' },
  unshare: { 'apt-get': 'util-linux', dnf: 'util-linux', apk: 'util-linux', pacman: 'util-linux' },
  nsenter: { 'apt-get': 'util-linux', dnf: 'util-linux', apk: 'util-linux', pacman: 'util-linux' },
  iperf3: { 'apt-get': 'iperf3', dnf: 'iperf3', apk: 'iperf3', pacman: 'iperf3' },
  'clang++': {
    'apt-get': 'clang libclang-rt-dev',
    dnf: 'clang compiler-rt',
    apk: 'clang compiler-rt',
    pacman: 'clang compiler-rt',
  },
  'c++': { 'apt-get': 'g++', dnf: 'gcc-c++', apk: 'g++ linux-headers', pacman: 'gcc' },
};
/** What some need beside what the laboratory does. */
const toolsOf = {
  tests: [
    'clang++',
    'conntrack',
    'microsocks',
    'danted',
    'tinyproxy',
    'chromium',
    'promtool',
    'zsh',
    'fish',
    'curl',
    'jq',
    'less',
  ],
  bench: ['iperf3'],
};
const install = {
  'apt-get': 'apt-get install -y --no-install-recommends',
  dnf: 'dnf install -y',
  apk: 'apk add',
  pacman: 'pacman -S --noconfirm',
};

/**
 * Sees to it that the system has what the laboratory needs, and what the tests or the bench need beside it if it is for them; installs
 * missing tools where root may do that unasked.
 */
export function checkSystem({ purpose }) {
  if (process.platform !== 'linux') {
    throw new SetUpError(
      'The laboratory is made of Linux network namespaces.\nRun this on Linux, or in a Linux container or virtual machine.',
    );
  }
  const others = Object.keys(toolsOf).flatMap((other) => (other === purpose ? [] : toolsOf[other]));
  checkTools(Object.keys(packages).filter((tool) => !others.includes(tool)));
  checkTun();
  checkNamespaces();
}

function checkTools(tools) {
  let missing = tools.filter((tool) => !onPath(tool));
  if (missing.length === 0) return;
  const manager = Object.keys(install).find(onPath);
  const command = manager && `${install[manager]} ${[...new Set(missing.map((tool) => packages[tool][manager]))].join(' ')}`;
  if (process.getuid() === 0 && manager === 'apt-get') {
    say(`installing with apt-get: ${missing.join(', ')}`);
    const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
    run('apt-get', ['update', '-qq'], options);
    run('apt-get', ['-qq', ...command.split(' ').slice(1)], options);
    missing = missing.filter((tool) => !onPath(tool));
    if (missing.length === 0) return;
  }
  const mend = command
    ? `Install with:  ${process.getuid() === 0 ? '' : 'sudo '}${command}`
    : 'Install them with your package manager.';
  throw new SetUpError(`The laboratory needs tools that are missing here: ${missing.join(', ')}.\n${mend}`);
}

function checkTun() {
  const device = '/dev/net/tun';
  try {
    closeSync(openSync(device, 'r+'));
  } catch (error) {
    const mend =
      error.code === 'EACCES' || error.code === 'EPERM'
        ? `Allow it with:  sudo chmod 0666 ${device}   (or run this as root)`
        : `Bring it with:  sudo modprobe tun   (in a container: start it with --device ${device})`;
    throw new SetUpError(`The routers need ${device}, which this user cannot open (${error.code}).\n${mend}`);
  }
}

function checkNamespaces() {
  const attempt = spawnSync('unshare', [...userNamespace(), '--net', '--mount', '--pid', '--fork', 'true'], { encoding: 'utf8' });
  if (attempt.status === 0) return;
  const closed = [
    ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
    ['kernel.unprivileged_userns_clone', '0', '1'],
    ['user.max_user_namespaces', '0', '15000'],
  ].find(([name, value]) => sysctl(name) === value);
  const mend = closed
    ? `Allow it with:  sudo sysctl -w ${closed[0]}=${closed[2]}   (or run this as root)`
    : 'Run this as root; in a container, start it with --privileged.';
  throw new SetUpError(`This user may not make network namespaces: ${attempt.stderr.trim()}\n${mend}`);
}

/** Arguments of unshare that make us root of our own, where we lack the rights to make namespaces outright. */
function userNamespace() {
  const capabilities = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  const sysAdmin = 1n << 21n;
  return capabilities & sysAdmin ? [] : ['--user', '--map-root-user'];
}

function sysctl(name) {
  const path = `/proc/sys/${name.replaceAll('.', '/')}`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

function onPath(tool) {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
