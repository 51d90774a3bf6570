import { defineStrategy } from 'ratatoskr';
import { optionsSchema } from './options.js';
import { ProxyStrategy } from './strategy.js';

/** Connections through a SOCKS5 or HTTP CONNECT proxy, to a port of the peer's that can be reached. */
export default defineStrategy({
  name: 'proxy',
  apiVersion: 1,
  options: optionsSchema,
  create: (options, services) => new ProxyStrategy(options, services, process.env),
});
