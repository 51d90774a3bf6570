/** Where two ends may be. */
export const situations = {
  public: 'neither end is behind a NAT',
  'one-nat': 'one end is public, the other behind a NAT that lets in only who was sent to',
  'two-nats': 'both ends are behind NATs that show one port to everyone and let in only who was sent to',
  'symmetric-nats': 'both ends are behind NATs that show another random port to everyone',
  'mapping-gateway': 'both ends are behind such NATs, one of which maps ports on request by PCP',
  'no-udp': 'both ends are behind NATs through which no UDP passes',
} as const;

export type Situation = keyof typeof situations;
