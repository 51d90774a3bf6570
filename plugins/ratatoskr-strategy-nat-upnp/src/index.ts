import { mappedPortStrategy } from 'ratatoskr';
import { natUpnp } from './protocol.js';

/** A port mapped on the default gateway by UPnP-IGD, version 1 or 2, through the npm package nat-upnp. */
export default mappedPortStrategy({ name: 'nat-upnp', protocols: () => [natUpnp()] });
