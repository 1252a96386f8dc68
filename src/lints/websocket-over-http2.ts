import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';
import type { Scope } from './engine/scope.js';
import { listensOf } from './engine/servers.js';
import { proxied, sendsUpgrade } from './engine/websocket.js';

export default defineLint({
  code: 'websocket-over-http2',
  severity: 'hint',
  on: '*http2',
  story:
    'HTTP/2 has no `Upgrade`, and nginx does not support the alternative (RFC 8441). Browsers open an HTTP/1.1 connection for WebSockets, because TLS negotiates the protocol, so this is rarely noticed; other clients, and proxies in front that speak only HTTP/2, get no WebSocket. Without TLS there is no negotiation: nginx before 1.25.1 then speaks only HTTP/2.',
  check(c) {
    const upgrading = new Map<Scope | null, Statement>();
    for (const { scope, upgrade, connection } of proxied(c)) {
      if (upgrade !== undefined && sendsUpgrade(connection, c)) upgrading.set(scope.within('server'), upgrade);
    }
    let reported = false;
    for (const server of c.scopes('server')) {
      const upgrade = upgrading.get(server);
      const found = upgrade === undefined ? undefined : http2Of(server);
      if (upgrade === undefined || found === undefined) continue;
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
          help: 'browsers open one automatically; a proxy in front that speaks HTTP/2 has to be configured to do so',
          related,
        });
      }
    }
  },
});

/** The statement that enables HTTP/2: a `listen`, preferably one without TLS, or the directive. */
function http2Of(server: Scope): { readonly http2: Statement; readonly plain: boolean } | undefined {
  const listens = listensOf(server).flatMap(({ statement, tls }) =>
    statement?.args.some(({ text }) => text === 'http2') === true ? [{ http2: statement, plain: !tls }] : [],
  );
  const on = server.effective('http2').find(({ args }) => args[0]?.text === 'on');
  return listens.find(({ plain }) => plain) ?? listens[0] ?? (on && { http2: on, plain: false });
}
