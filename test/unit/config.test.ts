import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../src/core/config/duration.js';
import { configKeys } from '../../src/core/config/keys.js';
import { defaultConfigText } from '../../src/core/config/text.js';
import { type ConfigOverride, defaultConfig, parseConfig } from '../../src/core/config.js';
import { ConfigError } from '../../src/core/errors.js';

const key = '0123456789abcdef'.repeat(4);

function rejection(text: string, overrides: readonly ConfigOverride[] = []): ConfigError {
  try {
    parseConfig(text, 'test.conf', overrides);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

function complaints(text: string, overrides: readonly ConfigOverride[] = []): string[] {
  return rejection(text, overrides).message.split('\n');
}

describe('what is accepted', () => {
  test.each(['', '{}', '  \n', '# nothing but a comment\n', '/* nor\nhere */'])('%j means all defaults', (text) => {
    expect(parseConfig(text, 'test.conf')).toEqual(defaultConfig());
  });

  test('the defaults are the documented ones', () => {
    expect(defaultConfig()).toMatchObject({
      admin: 'auto',
      strategies: ['port-mapping', 'tcp-hole-punching', 'udp-hole-punching', 'relay'].map((use) => ({ use, options: {} })),
      allow: [],
      deny: [],
      sessions: { pollInterval: 1000, minTraffic: 0 },
      signalling: { port: 4702, maxPeers: 256 },
      bridge: { evenIfSlower: false, socket: 'auto' },
      stateDir: 'auto',
      runtimeDir: 'auto',
      http: { listen: 'off', exposed: false, names: [] },
      log: { level: 'info', format: 'auto' },
    });
  });

  test('a file may leave out the braces of the root and quotes, and may have comments', () => {
    const config = parseConfig('# mine\nadmin: unix:///run/y.sock\nlog: { level: "debug" } // loud', 'test.conf');
    expect(config.admin).toBe('unix:///run/y.sock');
    expect(config.log).toEqual({ level: 'debug', addresses: 'auto', format: 'auto' });
  });

  test('a byte order mark is no obstacle', () => {
    expect(parseConfig('\uFEFF{ "stun": [] }', 'test.conf').stun).toEqual([]);
  });

  test('plain JSON is read as well', () => {
    expect(parseConfig(JSON.stringify({ signalling: { port: 99 } }), 'test.conf').signalling.port).toBe(99);
  });

  test('a strategy is a name, or a name with options', () => {
    const { strategies } = parseConfig('strategies: [ "one", { use: "@scope/two", options: { deep: [1] } } ]', 'test.conf');
    expect(strategies).toEqual([
      { use: 'one', options: {} },
      { use: '@scope/two', options: { deep: [1] } },
    ]);
  });

  test('peers are addresses, keys, subnets or blocks, and are kept in lower case', () => {
    const allow = ['200:ABCD::1', key.toUpperCase(), '300:1:2:3::/64', '200::/7', '3ff:1::/32'];
    expect(parseConfig(JSON.stringify({ allow }), 'test.conf').allow).toEqual(allow.map((entry) => entry.toLowerCase()));
  });

  test('durations become milliseconds', () => {
    expect(parseConfig('sessions: { pollInterval: "500ms", idleTimeout: "1.5m" }', 'test.conf').sessions).toMatchObject({
      pollInterval: 500,
      idleTimeout: 90_000,
    });
  });

  test('an override wins over the text, in a section of its own as well', () => {
    const config = parseConfig('admin: tcp://[::1]:1\nlog: { format: "json" }', 'test.conf', [
      { path: ['admin'], value: 'tcp://localhost:9001', origin: '--admin' },
      { path: ['log', 'level'], value: 'warn', origin: '--log-level' },
    ]);
    expect(config.admin).toBe('tcp://localhost:9001');
    expect(config.log).toEqual({ level: 'warn', addresses: 'auto', format: 'json' });
  });
});

describe('who chooses routes', () => {
  test('a way goes over one relay, or over two in a row', () => {
    const over = ['a.example:1', '[2001:db8::1]:2  then b.example:3'];
    const { nextHops } = parseConfig(JSON.stringify({ relay: { routes: { nextHops: [{ peer: '*', over }] } } }), 'test.conf')
      .relay.routes;
    const [one, first, second] = [
      { host: 'a.example', port: 1 },
      { host: '2001:db8::1', port: 2 },
      { host: 'b.example', port: 3 },
    ];
    expect(nextHops).toEqual([{ peer: '*', over: [[one], [first, second]] }]);
  });

  const problems = (relay: string) => {
    try {
      return parseConfig(relay, 'test.conf').relay.routes.mode;
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each([
    [
      'static without a next hop',
      '{\n relay: {\n  routes: { mode: "static", nextHops: [] }\n }\n}',
      /test.conf:3.*nextHops.*the mode static needs one/,
    ],
    [
      'static over what is no place',
      '{ relay: { routes: { mode: "static",\n nextHops: [{ peer: "*", over: ["here"] }] } } }',
      /test.conf:2.*over\[0\] is "here"/,
    ],
    [
      'static over three in a row',
      '{ relay: { routes: { mode: "static", nextHops: [{ peer: "*", over: ["a:1 then b:2 then c:3"] }] } } }',
      /over\[0\] is "a:1 then b:2 then c:3"/,
    ],
    [
      'static for what is no peer',
      '{ relay: { routes: { mode: "static", nextHops: [{ peer: "?", over: [] }] } } }',
      /nextHops\[0\].peer is "\?"/,
    ],
    [
      'super without a coordinator',
      '{ relay: { routes: { mode: "super" } } }',
      /relay.routes.coordinator .*the mode super needs one/,
    ],
  ])('%s is refused', (_what, text, message) => {
    expect(problems(text)).toMatch(message);
  });

  test('a coordinator’s URI is read, and not shown where it is wrong', () => {
    const [key, token] = ['1'.repeat(64), 'f'.repeat(64)];
    const { coordinator } = parseConfig(
      `{ relay: { routes: { coordinator: "coordinator:${key}:${token}@[2001:db8::1]:9" } } }`,
      'x',
    ).relay.routes;
    expect(coordinator).toEqual({ key, token, host: '2001:db8::1', port: 9 });
    for (const at of ['coordinator', 'mode']) {
      expect(problems(`{ relay: { routes: { ${at}: "coordinator:${key}:${token}@nowhere" } } }`)).not.toContain('ffff');
    }
  });
});

describe('where the status page is served', () => {
  test.each([
    ['127.0.0.1:4780', { host: '127.0.0.1', port: 4780 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['localhost:4780', { host: '127.0.0.1', port: 4780 }],
  ])('may be %s', (listen, place) => {
    expect(parseConfig(JSON.stringify({ http: { listen } }), 'test.conf').http.listen).toEqual(place);
  });

  test.each(['0.0.0.0:80', '192.168.1.2:80', '[200:1234::1]:80', '[::]:80'])('is %s only where it is to be exposed', (listen) => {
    expect(complaints(JSON.stringify({ http: { listen } }))[0]).toContain('with http.exposed any address');
    expect(parseConfig(JSON.stringify({ http: { listen, exposed: true } }), 'test.conf').http.listen).not.toBe('off');
  });

  test.each(['4780', 'example.org:80', '127.0.0.1', '127.0.0.1:0', 'on'])('may not be %s', (listen) => {
    expect(complaints(JSON.stringify({ http: { listen } }))[0]).toContain('http.listen is');
  });
});

describe('what is rejected', () => {
  test.each([
    ['admin: http://x:1', 'admin is "http://x:1", but must be "auto", "unix:///path" or "tcp://host:port"'],
    ['admin: tcp://x:70000', 'admin is "tcp://x:70000"'],
    ['admin: unix://relative', 'admin is "unix://relative"'],
    ['strategies: []', 'strategies is [], but must be 1 to 32 strategies, each once'],
    ['strategies: ["a", "a"]', 'strategies is ["a","a"], but must be 1 to 32 strategies, each once'],
    ['strategies: [7]', 'strategies[0] is 7, but must be the name of a strategy, or { use'],
    ['strategies: ["Upper Case"]', 'strategies[0].use is "Upper Case", but must be the name of a strategy'],
    ['strategies: [{}]', 'strategies[0].use is missing: it must be the name'],
    ['allow: ["2001:db8::1"]', 'allow[0] is "2001:db8::1", but must be an overlay address'],
    ['allow: ["100::/6"]', 'allow[0] is "100::/6"'],
    ['deny: ["200::/6"]', 'deny[0] is "200::/6"'],
    ['deny: ["10.0.0.0/8"]', 'deny[0] is "10.0.0.0/8"'],
    ['allow: ["abcdef"]', 'allow[0] is "abcdef"'],
    ['allow: everyone', 'allow is "everyone", but must be a list'],
    ['stun: ["host"]', 'stun[0] is "host", but must be "host:port"'],
    ['stun: ["::1:3478"]', 'stun[0] is "::1:3478"'],
    ['sessions: { pollInterval: 1 }', 'sessions.pollInterval is 1, but must be a duration such as'],
    [
      'sessions: { pollInterval: "1ms" }',
      'sessions.pollInterval is "1ms", but must be a duration such as "500ms", "1s" or "2m", from 100ms',
    ],
    ['sessions: { pollInterval: "soon" }', 'sessions.pollInterval is "soon"'],
    ['sessions: 7', 'sessions is 7, but must be an object with pollInterval, minTraffic, idleTimeout'],
    ['signalling: { port: 0 }', 'signalling.port is 0, but must be a whole number from 1 to 65535'],
    ['signalling: { port: 1.5 }', 'signalling.port is 1.5'],
    ['signalling: { port: "4702" }', 'signalling.port is "4702"'],
    ['bridge: { evenIfSlower: "yes" }', 'bridge.evenIfSlower is "yes", but must be true or false'],
    ['bridge: { socket: "pipe" }', 'bridge.socket is "pipe", but must be "auto", "unix" or "tcp"'],
    ['stateDir: here/below', 'stateDir is "here/below", but must be "auto" or an absolute path'],
    ['log: { level: "loud" }', 'log.level is "loud", but must be "debug", "info", "warn" or "error"'],
  ])('%s', (text, complaint) => {
    const problems = complaints(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`test.conf:1: ${complaint}`);
  });

  test('all problems are told at once, in the order of their lines', () => {
    const text =
      '{\n  log: { level: "loud" }\n  signalling:\n  {\n    port: 0\n  }\n  stun: [\n    "good:1"\n    "bad"\n  ]\n  admni: auto\n}';
    const problems = complaints(text);
    expect(problems.map((line) => line.split(' ')[0])).toEqual(['test.conf:2:', 'test.conf:5:', 'test.conf:9:', 'test.conf:11:']);
    expect(rejection(text).code).toBe('CONFIG_INVALID');
  });

  test.each([
    ['admni: "auto"', 'there is no key admni; did you mean admin?'],
    ['sessions: { pollinterval: "1s" }', 'there is no key sessions.pollinterval; did you mean sessions.pollInterval?'],
    ['port: 4702', 'there is no key port; did you mean signalling.port?'],
    ['log: { wibble: 1 }', 'there is no key log.wibble; known are level, addresses, format'],
    ['strategies: [{ use: "a", option: {} }]', 'there is no key strategies[0].option; did you mean strategies[0].options?'],
    ['__proto__x: 1', 'there is no key __proto__x; known are admin'],
  ])('an unknown key gets a suggestion: %s', (text, complaint) => {
    expect(complaints(text)[0]).toContain(complaint);
  });

  test('a key given twice is named with its second line', () => {
    expect(complaints('stun: []\nlog: {\n level: "info"\n level: "debug"\n}')).toEqual(['test.conf:4: log.level is given twice']);
  });

  test('a wrong override is blamed on where it came from', () => {
    const wrong = complaints('admin: auto', [{ path: ['admin'], value: 'nonsense', origin: '--admin' }]);
    expect(wrong[0]).toMatch(/^--admin: admin is "nonsense"/);
  });

  test('text that is not HJSON is rejected with its line', () => {
    const error = rejection('{\n  admin: auto\n  log: {\n');
    expect(error.code).toBe('CONFIG_SYNTAX');
    expect(error.message).toMatch(/^test\.conf:\d+: /);
  });

  test('values without quotes on one line are explained', () => {
    expect(rejection('stun: [one:1, two:2]\n').message).toContain('runs to the end of its line');
  });

  test.each(['[]', '7', '"text"'])('%s is no configuration', (text) => {
    expect(rejection(text).code).toBe('CONFIG_SYNTAX');
  });

  test('whatever the text is, the outcome is a configuration or a ConfigError', () => {
    const fragments = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      "'''",
      '\n',
      'log',
      'level',
      'info',
      '#',
      '/*',
      '*/',
      '\\',
      '7',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fragments).map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            parseConfig(text, 'x');
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('whatever a key holds, the outcome is a configuration or a ConfigError that names the key', () => {
    const paths = configKeys().map(({ path }) => path);
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        try {
          parseConfig('', 'x', [{ path: path.split('.'), value, origin: 'test' }]);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as Error).message).toContain(path);
        }
      }),
    );
  });
});

describe('the generated defaults', () => {
  test('read back to the same values', () => {
    expect(parseConfig(defaultConfigText(), 'defaults')).toEqual(defaultConfig());
  });

  test('explain every key', () => {
    for (const { doc, path, fallback } of configKeys()) {
      expect(doc.about, path).toMatch(/\.$/);
      expect(fallback, path).toBeDefined();
    }
  });
});

test.each([
  ['500ms', 500],
  ['1s', 1000],
  ['1.5m', 90_000],
  ['2 h', 7_200_000],
  ['1d', 86_400_000],
  ['1', undefined],
  ['-1s', undefined],
  ['1e3s', undefined],
  ['', undefined],
])('the duration %j is %j ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});
