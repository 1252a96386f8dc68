import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { http2Of } from './engine/servers.js';
import { proxied, sendsUpgrade } from './engine/websocket.js';

export default defineLint({
  code: 'websocket-over-http2',
  severity: 'hint',
  on: '*http2',
  story:
    'HTTP/2 has no `Upgrade`, and nginx does not support the alternative, extended CONNECT (RFC 8441); tsproxy does with `http2_extended_connect on`. Otherwise browsers open an HTTP/1.1 connection for each WebSocket, because TLS negotiates the protocol, so this is rarely noticed; other clients, and proxies in front that speak only HTTP/2, get no WebSocket. Without TLS there is no negotiation: nginx before 1.25.1 then speaks only HTTP/2.',
  check(c) {
    const upgrading = new Map<Scope | null, Statement>();
    for (const { scope, upgrade, connection } of proxied(c)) {
      if (upgrade !== undefined && sendsUpgrade(connection, c)) upgrading.set(scope.within('server'), upgrade);
    }
    let reported = false;
    for (const server of c.scopes('server')) {
      const upgrade = upgrading.get(server);
      const found = upgrade === undefined ? undefined : http2Of(server);
      if (upgrade === undefined || found === undefined || server.value('http2_extended_connect') === 'on') continue;
      const { http2, plain } = found;
      const related = [{ at: upgrade, message: 'WebSockets are expected here' }];
      if (plain) {
        c.report(http2, 'HTTP/2 without TLS: nginx before 1.25.1 accepts no WebSocket on this address', {
          severity: 'warning',
          help: 'without TLS a client cannot negotiate HTTP/1.1; use an address without "http2" for WebSockets',
          related,
        });
      } else if (!reported) {
        // The reason is the same for every server, so it is reported once.
        reported = true;
        c.report(http2, 'a WebSocket cannot be opened over HTTP/2 here, only over a separate HTTP/1.1 connection', {
          help: 'browsers open one automatically; "http2_extended_connect on;" of tsproxy lets WebSockets share the HTTP/2 connection',
          related,
        });
      }
    }
  },
});
