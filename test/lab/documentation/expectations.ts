/** What comes of a documented command where that is not simply exit code 0. The first whose pattern matches counts. */
export interface Expectation {
  readonly command: RegExp;
  /** It goes on until it is told to end, in reply to which it ends well; before, it says this. */
  readonly goesOnSaying?: RegExp;
  readonly says?: RegExp;
  /** Its exit code, 143 when SIGTERM took its course. @default 0 */
  readonly code?: number;
  /** Another host than that of the operator. */
  readonly on?: 'c';
}

export const expectations: readonly Expectation[] = [
  // Who is told by a signal, npx is as well, and takes it for its own end.
  { command: /^npx ratatoskr run/, goesOnSaying: /router\.connected/, code: 143, on: 'c' },
  { command: /^npx ratatoskr events/, goesOnSaying: /agent\.reconfigured/, code: 143 },
  { command: /ratatoskr run --admin tcp:/, goesOnSaying: /router\.waiting.*localhost:9001/, on: 'c' },
  { command: /ratatoskr run\b/, goesOnSaying: /router\.connected/, on: 'c' },
  { command: /ratatoskr stun\b/, goesOnSaying: /answering STUN on/, on: 'c' },
  { command: /ratatoskr relay( --|$)/, goesOnSaying: /relay\.ready/, on: 'c' },
  { command: /ratatoskr relay invite/, says: /^relay:/m, on: 'c' },
  { command: /ratatoskr coordinator( --|$)/, goesOnSaying: /coordinator\.ready/, on: 'c' },
  { command: /ratatoskr coordinator invite/, says: /^coordinator:/m, on: 'c' },
  { command: /^turnserver /, goesOnSaying: /Total General servers/, code: 143, on: 'c' },
  { command: /ratatoskr events \|/, goesOnSaying: /agent\.reconfigured/, code: 143 },
  { command: /ratatoskr status --watch/, goesOnSaying: /direct, by/, code: 143 },
  { command: /ratatoskr status$/, says: /direct, by/ },
  // There are no name servers here, so that the public STUN servers cannot be found.
  { command: /ratatoskr doctor/, says: /STUN_UNREACHABLE|No STUN server answers/, code: 1 },
  { command: /ratatoskr ping/, says: / ms, direct, by / },
  { command: /ratatoskr explain/, says: /attempts/ },
];

/** Commands that are not run here, with the reason: it happens elsewhere, or takes what a developer's machine lacks. */
export const notHere: readonly { readonly command: RegExp; readonly because: string }[] = [
  { command: /^npm test$/, because: 'this is it' },
  {
    command: /^npm ci && npm run build/,
    because: 'takes minutes; the set-up of the tests does it where something is out of date, and CI always',
  },
  { command: /build-native\.mjs/, because: 'compiles for half a minute; npm run build does the same' },
  { command: /^npm run deb|dpkg --install/, because: 'test/packaging/deb.test.ts does it' },
  { command: /systemctl/, because: 'needs systemd as process 1' },
  { command: /rc-(update|service)/, because: 'needs OpenRC as process 1' },
  { command: /^\/etc\/init\.d\/ratatoskr/, because: 'needs procd, which OpenWrt alone has' },
  { command: /^docker/, because: 'needs a registry for the image to build on' },
];
