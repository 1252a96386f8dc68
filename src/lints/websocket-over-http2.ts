import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { listensOf } from './engine/servers.js';
import { proxied, saysUpgrade } from './engine/websocket.js';

export default defineLint({
  code: 'websocket-over-http2',
  severity: 'hint',
  on: '*http2',
  story:
    'HTTP/2 has no `Upgrade`, and nginx does not offer the other way (RFC 8441). Browsers open a connection by HTTP/1.1 for WebSockets, because TLS lets them choose, so this is seldom seen; other clients, and proxies in front that speak HTTP/2 alone, get no WebSocket. Without TLS nobody can choose: there nginx before 1.25.1 speaks HTTP/2 and nothing else.',
  check(c) {
    const upgrading = new Map<Scope | null, Statement>();
    for (const { scope, upgrade, connection } of proxied(c)) {
      if (upgrade !== undefined && saysUpgrade(connection, c)) upgrading.set(scope.within('server'), upgrade);
    }
    let told = false;
    for (const server of c.scopes('server')) {
      const upgrade = upgrading.get(server);
      const found = upgrade === undefined ? undefined : http2Of(server);
      if (upgrade === undefined || found === undefined) continue;
      const { http2, plain } = found;
      const related = [{ at: upgrade, message: 'WebSockets are expected here' }];
      if (plain) {
        c.report(http2, 'HTTP/2 without TLS: nginx before 1.25.1 accepts no WebSocket on this address', {
          severity: 'warning',
          help: 'a client without TLS cannot choose HTTP/1.1; give WebSockets an address without "http2"',
          related,
        });
      } else if (!told) {
        // It is the same everywhere: once is enough.
        told = true;
        c.report(http2, 'a WebSocket cannot be opened over HTTP/2 here, only over another connection by HTTP/1.1', {
          help: 'browsers open that by themselves; a proxy in front that speaks HTTP/2 has to be told to do so',
          related,
        });
      }
    }
  },
});

/** What switches HTTP/2 on: a `listen`, one without TLS first, or the directive. */
function http2Of(server: Scope): { readonly http2: Statement; readonly plain: boolean } | undefined {
  const listens = listensOf(server).flatMap(({ statement, tls }) =>
    statement?.args.some(({ text }) => text === 'http2') === true ? [{ http2: statement, plain: !tls }] : [],
  );
  const on = server.effective('http2').find(({ args }) => args[0]?.text === 'on');
  return listens.find(({ plain }) => plain) ?? listens[0] ?? (on && { http2: on, plain: false });
}
