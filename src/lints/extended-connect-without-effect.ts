import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { http2Of } from './engine/servers.js';
import { proxied } from './engine/websocket.js';

export default defineLint({
  code: 'extended-connect-without-effect',
  severity: 'warning',
  on: 'http2_extended_connect',
  absence: true,
  story:
    'WebSockets over HTTP/2 are announced to clients only if HTTP/2 is enabled in the server, and one of its locations opens WebSockets: with `proxy_websocket on`, a target `ws://` or `wss://`, or `proxy_set_header Upgrade`. Without the announcement, browsers open each WebSocket on an HTTP/1.1 connection of its own.',
  check(c) {
    const open = new Set<Scope | null>();
    for (const { scope, upgrade, websocket } of proxied(c)) {
      if (websocket || upgrade !== undefined) open.add(scope.within('server'));
    }
    for (const { scope } of c.written('console')) open.add(scope.within('server'));
    for (const { scope, statement } of c.written('http2_extended_connect')) {
      if (statement.args[0]?.text !== 'on') continue;
      const servers = c.scopes('server').filter((server) => server.holder('http2_extended_connect') === scope);
      const enabled = servers.filter((server) => http2Of(server) !== undefined);
      if (enabled.some((server) => open.has(server)) || servers.length === 0) continue;
      if (enabled.length === 0) {
        c.report(statement, 'WebSockets over HTTP/2 have no effect, because HTTP/2 is off', {
          help: 'add "http2 on;"',
        });
      } else {
        c.report(statement, 'WebSockets over HTTP/2 are not announced, because no location opens WebSockets', {
          help: 'add "proxy_websocket on;" to the locations of WebSockets',
        });
      }
    }
  },
});
