/** `tunnel_lifetime`: greatest age of tunnels that are no WebSockets. */

import { milliseconds } from '../config/argument-types.js';
import { defineModule } from '../program/module.js';
import { TUNNEL_LIFETIME } from '../tunnel/websocket-settings.js';

export default defineModule({
  name: 'tunnel_lifetime',
  doc: 'Limits the age of tunnels of protocols other than WebSocket. This is an extension of tsproxy; nginx has no such directive.',
  directives: {
    tunnel_lifetime: {
      contexts: ['http', 'server', 'location'],
      takes: milliseconds,
      default: '0',
      doc: 'Closes a tunnel (an upgraded connection) at this age, however active it is; `0` means unlimited. It applies to protocols other than WebSocket, whose frames the proxy cannot parse: both connections are closed, and data that was received before is delivered. WebSockets have `websocket_expire`. After a reload that leaves the rest of the location unchanged, the new value applies to open tunnels, too.',
      example: 'tunnel_lifetime 1d;',
    },
  },
  tunnelContinues: (change) => change === 'tunnel_lifetime',
  settings(conf, { program }) {
    program.settings.set(TUNNEL_LIFETIME, conf.tunnel_lifetime);
  },
});
