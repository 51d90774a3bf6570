import { parseHostPort } from './host-port.js';

/** A relay of the configuration; the host is a name, or an address without brackets. */
export interface RelayPlace {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, or `host:port then host:port` for two relays in the order in which a packet passes them. Undefined when it is neither. */
export function parseRelayWay(text: string): readonly RelayPlace[] | undefined {
  const places = text.split(/\s+then\s+/).map(parseHostPort);
  const known = places.filter((place) => place !== undefined);
  return known.length === places.length && known.length <= 2 ? known : undefined;
}
