import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { logLevels } from '../logger.js';
import { isPublicAddress } from '../reach.js';
import { parseCoordinatorUri } from './coordinator-uri.js';
import { parseDuration } from './duration.js';
import { parseHostPort } from './host-port.js';
import { parsePeerRule } from './peer-rule.js';
import { parseRelayUri } from './relay-uri.js';
import { parseRelayWay } from './relay-way.js';
import { parseTurnUri } from './turn-uri.js';

/** What the reference, the commented defaults and the error messages say of a key. */
export interface KeyDoc {
  /** What it does, whole sentences. */
  readonly about?: string;
  readonly unit?: string;
  /** What may stand there; completes "must be". */
  readonly allowed: string;
  /** What stands there may hold a secret, so messages do not repeat it. */
  readonly secret?: boolean;
}

export const keyDocs = z.registry<KeyDoc>();

// Each answers Binding requests over TCP: turn.cloudflare.com as Cloudflare documents for its TURN service (3478/tcp), the
// others as pradt2/always-online-stun's hourly valid_hosts_tcp.txt and Natter's TCP list say. Port 443 gets through more firewalls.
const publicStunServers = [
  'turn.cloudflare.com:3478',
  'stun.nextcloud.com:443',
  'stun.telnyx.com:3478',
  'stun.freeswitch.org:3478',
];

/** A span of time written as `500ms`, `1s`, `2m`; milliseconds once parsed. */
function duration(min: string, max: string, fallback: string, about: string) {
  const [low = 0, high = 0] = [parseDuration(min), parseDuration(max)];
  return z
    .string()
    .transform((text, context) => {
      const milliseconds = parseDuration(text);
      if (milliseconds !== undefined && milliseconds >= low && milliseconds <= high) return milliseconds;
      context.issues.push({ code: 'custom', input: text, message: 'duration' });
      return z.NEVER;
    })
    .prefault(fallback)
    .register(keyDocs, { about, unit: 'duration', allowed: `a duration such as "500ms", "1s" or "2m", from ${min} to ${max}` });
}

function integer(min: number, max: number, fallback: number, about: string, unit?: string) {
  const doc = { about, allowed: `a whole number from ${min} to ${max}` };
  return z
    .int()
    .min(min)
    .max(max)
    .prefault(fallback)
    .register(keyDocs, unit ? { ...doc, unit } : doc);
}

function choice<const Values extends readonly [string, ...string[]]>(values: Values, fallback: Values[number], about: string) {
  const allowed = `${values
    .slice(0, -1)
    .map((value) => `"${value}"`)
    .join(', ')} or "${values.at(-1)}"`;
  return z.enum(values).prefault(fallback).register(keyDocs, { about, allowed });
}

function directory(about: string) {
  return z
    .string()
    .refine((path) => path === 'auto' || (path.startsWith('/') && !path.includes('\0')) || /^[A-Za-z]:[\\/]/.test(path))
    .prefault('auto')
    .register(keyDocs, { about, allowed: '"auto" or an absolute path' });
}

/** Ways that one entry of `relay.routes.nextHops` names. */
const maxNextHops = 3;

function list<Item extends z.ZodType>(item: Item, max: number) {
  return z.array(item).max(max);
}

const peerRule = z
  .string()
  .trim()
  .toLowerCase()
  .refine((text) => parsePeerRule(text) !== undefined)
  .register(keyDocs, {
    allowed: 'an overlay address, a public key of 64 hex digits, a routed /64 subnet or any CIDR block inside 200::/7',
  });

const stunServer = z
  .string()
  .trim()
  .refine((text) => parseHostPort(text) !== undefined)
  .register(keyDocs, { allowed: '"host:port" or "[IPv6 address]:port"' });

/** As npm has it for packages, which the plugins' own names fit, too. */
const pluginName = /^(?=.{1,214}$)(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
/** A file or folder, relative or absolute. */
const pluginPath = /^(?=.{1,4096}$)(\.{1,2}[\\/]|\/|[A-Za-z]:[\\/])[^\0]*$/;

function pluginUse(noun: string, example: string, prefix: string) {
  return z
    .preprocess(
      (value) => (typeof value === 'string' ? { use: value } : value),
      z.strictObject({
        use: z
          .string()
          .refine((use) => pluginName.test(use) || pluginPath.test(use))
          .register(keyDocs, {
            allowed: `the name of a ${noun}, such as ${example}, of the npm package that brings it (${prefix}-...), or a path that begins with ./, ../ or /`,
          }),
        options: z
          .record(z.string(), z.unknown())
          .default({})
          .register(keyDocs, { allowed: `an object of the ${noun}’s own options` }),
      }),
    )
    .register(keyDocs, { allowed: `the name of a ${noun}, or { use: name, options: { ... } }` });
}

const strategyUse = pluginUse('strategy', 'tcp-hole-punching', 'ratatoskr-strategy');
const discoveryUse = pluginUse('discovery source', 'sessions', 'ratatoskr-discovery');

/** What a text means. @param what the name of what it has to be, for the message */
function parsed<Value>(parse: (text: string) => Value | undefined, what: string) {
  return z
    .string()
    .trim()
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined) return value;
      context.issues.push({ code: 'custom', input: text, message: what });
      return z.NEVER;
    });
}

const absoluteFile = (about: string) =>
  z
    .string()
    .refine((path) => (path.startsWith('/') && !path.includes('\0')) || /^[A-Za-z]:[\\/]/.test(path))
    .optional()
    .register(keyDocs, { about, allowed: 'an absolute path' });

const turnServer = z
  .preprocess(
    (value) => (typeof value === 'string' ? { uri: value } : value),
    z.strictObject({
      uri: parsed(parseTurnUri, 'TURN URI').register(keyDocs, {
        allowed: '"turn:USER:SECRET@HOST:PORT", over TCP; with "?transport=udp" over UDP, with "turns:" over TLS',
        secret: true,
      }),
      secretFile: absoluteFile('A file whose first line is the secret.'),
      auth: z
        .enum(['password', 'shared-secret'])
        .prefault('password')
        .register(keyDocs, { allowed: '"password" or "shared-secret"' }),
      ca: absoluteFile('Certificates to trust instead of the system’s, PEM.'),
    }),
  )
  .register(keyDocs, {
    allowed: 'a TURN URI, or { uri: "turn:USER@HOST:PORT", secretFile: "/path", auth: "password", ca: "/path" }',
    secret: true,
  });

const hostName = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/)
  .register(keyDocs, { allowed: 'a host name without a port' });

const listenPlace = parsed((text) => {
  if (text === 'off') return 'off';
  const place = parseHostPort(text);
  const host = place?.host === 'localhost' ? '127.0.0.1' : place?.host;
  return place && host !== undefined && ipaddr.isValid(host) ? { host, port: place.port } : undefined;
}, 'address and port')
  .prefault('off')
  .register(keyDocs, {
    about:
      'Serve the status page, the metrics and the control API over HTTP. Whoever reaches the port reads all of it; changes need the token in the file http.token of the runtime folder. Taken when the agent starts.',
    allowed: '"off", or a loopback address and a port, such as "127.0.0.1:4780"; with http.exposed any address of this machine',
  });

const relayServer = parsed(parseRelayUri, 'relay URI').register(keyDocs, {
  allowed: '"relay:NAME:TOKEN@HOST:PORT", as "ratatoskr relay" prints it',
  secret: true,
});

const relayWay = parsed(parseRelayWay, 'way over relays').register(keyDocs, {
  allowed: '"host:port", or "host:port then host:port" for two relays in a row',
});

const nextHop = z
  .strictObject({
    peer: z
      .string()
      .trim()
      .toLowerCase()
      .refine((text) => text === '*' || parsePeerRule(text) !== undefined)
      .register(keyDocs, { allowed: '"*" for every peer, or a peer as in allow' }),
    over: list(relayWay, maxNextHops).register(keyDocs, {
      allowed: `a list of at most ${maxNextHops} relays as "host:port", or two in a row as "host:port then host:port", the preferred first; an empty one for no relay`,
    }),
  })
  .register(keyDocs, { allowed: '{ peer: "*", over: ["host:port"] }' });

const coordinator = parsed((text) => (text === 'none' ? text : parseCoordinatorUri(text)), 'coordinator URI')
  .prefault('none')
  .register(keyDocs, {
    about: 'The coordinator of the mode super. The token is a secret.',
    allowed:
      '"none", or "coordinator:KEY:TOKEN@HOST:PORT", as "ratatoskr coordinator invite" prints it; the mode super needs one',
    secret: true,
  });

const advertised = parsed((text) => {
  const place = parseHostPort(text);
  const usable = place && isPublicAddress(place.host) && place.port >= 1024;
  return usable ? { address: place.host, port: place.port } : undefined;
}, 'address and port').register(keyDocs, {
  allowed: '"address:port" or "[IPv6 address]:port", a public address and a port of 1024 or more',
});

function distinct(entries: readonly { readonly use: string }[]): boolean {
  return new Set(entries.map(({ use }) => use)).size === entries.length;
}

/** The configuration, every key with its default, its meaning and what it may be. The only place where these are written down. */
export const configSchema = z.strictObject({
  admin: z
    .string()
    .refine(
      (uri) => uri === 'auto' || /^unix:\/\/\/[^\0?#]+$/.test(uri) || (uri.startsWith('tcp://') && !!parseHostPort(uri.slice(6))),
    )
    .prefault('auto')
    .register(keyDocs, {
      about:
        'The router’s Admin API, as in its AdminListen. "auto" looks where yggdrasil puts it by default. Taken when the agent starts.',
      allowed: '"auto", "unix:///path" or "tcp://host:port"',
    }),
  strategies: list(strategyUse, 32)
    .min(1)
    .refine(distinct)
    .prefault(['port-mapping', 'tcp-hole-punching', 'udp-hole-punching', 'relay'])
    .register(keyDocs, {
      about:
        'Ways to open a path, best first. Built in are the four of the default; others are npm packages, or paths that begin at this file’s folder (docs/plugins.md). One with options is written as { use: name, options: { ... } }. All are taken when the agent starts; SIGHUP reloads none.',
      allowed: '1 to 32 strategies, each once',
    }),
  discovery: list(discoveryUse, 32).min(1).refine(distinct).prefault(['sessions']).register(keyDocs, {
    about:
      'How the agent learns of peers to open paths to. Built in are sessions, for those that the router exchanges traffic with, and static, for those that you name, traffic or not: { use: "static", options: { peers: ["<public key>", { key: "<public key>", address: "<its overlay address>" }] } }; one end that names the other is enough. mdns finds the agents of the own network, and gossip has linked agents tell each other of relays, STUN responders and agents (docs/discovery.md); both let others know of this one. Others are npm packages or paths, as for strategies. All are taken when the agent starts; SIGHUP reloads none.',
    allowed: '1 to 32 discovery sources, each once',
  }),
  allow: list(peerRule, 4096).prefault([]).register(keyDocs, {
    about:
      'Peers to open paths to: overlay addresses, public keys, routed /64 subnets or CIDR blocks inside 200::/7. Empty means everyone.',
    allowed: 'a list of at most 4096 entries',
  }),
  deny: list(peerRule, 4096).prefault([]).register(keyDocs, {
    about: 'Peers to keep away from, written like those of allow. Wins over allow.',
    allowed: 'a list of at most 4096 entries',
  }),
  stun: list(stunServer, 16).prefault(publicStunServers).register(keyDocs, {
    about:
      'STUN servers that answer over TCP; they tell the agent its address as the internet sees it. Peers that answer STUN are asked when none of these does; empty asks only them.',
    allowed: 'a list of at most 16 "host:port" entries',
  }),
  relay: z
    .strictObject({
      use: choice(
        ['never', 'faster', 'always'],
        'faster',
        'When a path through a relay replaces the overlay route: never, when it is clearly faster (5 ms or a tenth), or always.',
      ),
      routes: z
        .strictObject({
          mode: choice(
            ['p2p', 'static', 'super'],
            'p2p',
            'Who chooses the relays of a path. p2p: both ends measure, and the shortest way in each direction counts. static: nextHops says by which relays this end sends. super: a coordinator says. What the end with the lower key is set to counts, and nextHops of either end for what it sends itself (docs/routes.md).',
          ),
          nextHops: list(nextHop, 256).prefault([]).register(keyDocs, {
            about:
              'For the mode static: relays by which this end sends to a peer, the first that both ends reach; "A:4704 then B:4704" are two in a row. The first entry that fits the peer counts. There is no falling back to relays that are not named. A peer that no entry fits gets no relay.',
            allowed: 'a list of at most 256 entries { peer, over }; the mode static needs one',
          }),
          coordinator,
        })
        .refine(({ mode, nextHops }) => mode !== 'static' || nextHops.length > 0, { path: ['nextHops'] })
        .refine(({ mode, coordinator: named }) => mode !== 'super' || named !== 'none', { path: ['coordinator'] })
        .prefault({}),
      turn: list(turnServer, 8).prefault([]).register(keyDocs, {
        about:
          'TURN servers to relay through, the preferred first; one at either end serves both. Where it relays no TCP (RFC 6062) and one end’s UDP is blocked, that end must name one too. Without a secret in the URI, secretFile or the environment variable RATATOSKR_TURN_SECRET has it. auth: shared-secret is for servers that give out credentials with a time limit (coturn’s use-auth-secret).',
        allowed: 'a list of at most 8 TURN URIs, or of { uri, secretFile, auth, ca }',
        secret: true,
      }),
      servers: list(relayServer, 8).prefault([]).register(keyDocs, {
        about:
          'Relays that run on their own (ratatoskr relay), the preferred first; one at either end serves both. The token is a secret.',
        allowed: 'a list of at most 8 relay URIs',
        secret: true,
      }),
      volunteer: z
        .strictObject({
          enabled: z.boolean().prefault(false).register(keyDocs, {
            about: 'Relay for other agents. They see where when they are linked with this one, and it sees only ciphertext.',
            allowed: 'true or false',
          }),
          port: integer(1024, 65_535, 4704, 'TCP port of the relay, on all addresses of this machine.'),
          advertise: list(advertised, 8).prefault([]).register(keyDocs, {
            about:
              'Where others reach the relay, beside the public addresses of this machine’s own: what a port forwarding leads to it.',
            allowed: 'a list of at most 8 "address:port" entries',
          }),
          allow: list(peerRule, 4096).prefault([]).register(keyDocs, {
            about: 'Peers to relay for, written like those of the other allow. Empty means every peer that this agent permits.',
            allowed: 'a list of at most 4096 entries',
          }),
          maxCircuits: integer(1, 4096, 32, 'Circuits at once. More are refused, and those there are go on.'),
          maxCircuitsPerPeer: integer(1, 256, 4, 'Circuits at once for one peer.'),
          rate: integer(1000, 10_000_000_000, 4_000_000, 'What all circuits together carry, both directions.', 'bytes/s'),
          ratePerPeer: integer(1000, 10_000_000_000, 1_000_000, 'What the circuits of one peer carry.', 'bytes/s'),
          bytesPerDay: integer(1_000_000, 1e15, 100_000_000_000, 'What all circuits together carry in a day.', 'bytes'),
          bytesPerDayPerPeer: integer(1_000_000, 1e15, 10_000_000_000, 'What the circuits of one peer carry in a day.', 'bytes'),
          timePerDay: duration(
            '1m',
            '4096d',
            '16d',
            'How long all circuits together last in a day, each from its reservation on.',
          ),
          timePerDayPerPeer: duration('1m', '256d', '2d', 'How long the circuits of one peer together last in a day.'),
          lifetime: duration('10s', '1d', '10m', 'How long a reservation lives without being refreshed.'),
          maxDuration: duration('10s', '7d', '1d', 'How long a circuit lasts at most; its peer may reserve another.'),
        })
        .prefault({}),
    })
    .prefault({}),
  sessions: z
    .strictObject({
      pollInterval: duration(
        '100ms',
        '1m',
        '1s',
        'How often the router is asked for its sessions; the pause is at least 2 ms for each that it has, up to 1.5 s.',
      ),
      minTraffic: integer(
        0,
        1_000_000_000,
        0,
        'Average traffic from which a session deserves a path. 0 means any session.',
        'bytes/s',
      ),
      idleTimeout: duration('10s', '1d', '2m', 'A session that carried nothing of its own for this long counts as ended.'),
    })
    .prefault({}),
  signalling: z
    .strictObject({
      port: integer(1, 65_535, 4702, 'TCP port on the overlay address where agents meet. Both ends dial from and to it.'),
      maxPeers: integer(1, 65_535, 256, 'Remote agents served at once.'),
      maxConnections: integer(1, 65_535, 512, 'Connections held at once, those not yet introduced included.'),
    })
    .prefault({}),
  stunResponder: z
    .strictObject({
      enabled: z.boolean().prefault(true).register(keyDocs, {
        about:
          'Answer STUN for peers, where they can reach this machine: at a public address of its own, at a port that the gateway maps if port-mapping is among the strategies, or where a peer has found it in reach.',
        allowed: 'true or false',
      }),
      port: integer(
        1024,
        65_535,
        4703,
        'UDP and TCP port to answer at. A firewall in front of a public address has to let both in.',
      ),
    })
    .prefault({}),
  bridge: z
    .strictObject({
      evenIfSlower: z.boolean().prefault(false).register(keyDocs, {
        about: 'Use a path although it is slower than the overlay route that it would replace.',
        allowed: 'true or false',
      }),
      hidden: z.boolean().prefault(true).register(keyDocs, {
        about:
          'Keep bridges out of the routers’ tree, so that they carry no traffic of others and change nobody’s routes. Both ends must want it, and both routers be yggdrasil 0.5.13 or newer. Counts for peers met from then on.',
        allowed: 'true or false',
      }),
      socket: choice(
        ['auto', 'unix', 'tcp'],
        'auto',
        'How the router reaches a path. "auto" takes unix sockets where they can serve.',
      ),
    })
    .prefault({}),
  control: z
    .strictObject({
      enabled: z.boolean().prefault(true).register(keyDocs, {
        about:
          'Answer "ratatoskr status" and its like, on a socket in the runtime folder that is open to the agent’s own user alone.',
        allowed: 'true or false',
      }),
    })
    .prefault({}),
  http: z
    .strictObject({
      listen: listenPlace,
      exposed: z.boolean().prefault(false).register(keyDocs, {
        about:
          'Let http.listen be an address that other machines reach. What they read tells whom this node talks to, and from where.',
        allowed: 'true or false',
      }),
      names: list(hostName, 16).prefault([]).register(keyDocs, {
        about:
          'Names under which browsers may ask, beside addresses and localhost: that of a reverse proxy, for instance. Others are refused, because a foreign page could give its own name this address (DNS rebinding).',
        allowed: 'a list of at most 16 host names',
      }),
    })
    .refine(({ listen, exposed }) => exposed || listen === 'off' || ipaddr.parse(listen.host).range() === 'loopback', {
      path: ['listen'],
    })
    .prefault({}),
  stateDir: directory(
    'What must outlive a restart. "auto" is $STATE_DIRECTORY, /var/lib/ratatoskr for root, or $XDG_STATE_HOME/ratatoskr.',
  ),
  runtimeDir: directory(
    'Sockets, which the router must be able to reach. "auto" is $RUNTIME_DIRECTORY, /run/ratatoskr for root (/var/run/ratatoskr where there is no /run), or $XDG_RUNTIME_DIR/ratatoskr.',
  ),
  log: z
    .strictObject({
      level: z
        .enum(logLevels as readonly ['debug', 'info', 'warn', 'error'])
        .prefault('info')
        .register(keyDocs, {
          about:
            'The least that is logged. At "debug" lines that repeat themselves are all written; otherwise ten at once about one matter, then one in half a minute with the number of those left out.',
          allowed: '"debug", "info", "warn" or "error"',
        }),
      addresses: choice(
        ['auto', 'short', 'full'],
        'auto',
        'How public addresses and keys are shown; "auto" is full when the level is "debug" and short otherwise. Secrets are never shown.',
      ),
      format: choice(['auto', 'pretty', 'json'], 'auto', '"auto" is pretty on a terminal and JSON lines elsewhere.'),
    })
    .prefault({}),
});

/** The configuration as the agent uses it: all defaults filled in, durations in milliseconds. */
export type Config = z.output<typeof configSchema>;
