import { defineLint } from './engine/lint.js';
import { upstreamOf } from './engine/pass.js';
import { enclosingLocation, titleOf } from './engine/scope.js';
import { proxied } from './engine/websocket.js';

/** Libraries whose sessions consist of several requests that must reach the same server. */
const NAMES = /(?:^|[^a-z])(?:socket\.io|socketio|engine\.io|sockjs(?:-node)?|signalr)(?![a-z])/i;

export default defineLint({
  code: 'socketio-without-stickiness',
  severity: 'warning',
  on: '*socket *engine.io *sockjs *signalr',
  story:
    'Socket.IO, SockJS and SignalR begin a session with plain requests, and each of them must reach the server that created the session; any other server answers `400 Session ID unknown`. An upstream with several servers needs `ip_hash` or `hash` for this, unless every client is configured to use WebSockets only.',
  check(c) {
    const seen = new Set<unknown>();
    for (const { scope, pass } of proxied(c)) {
      const name = enclosingLocation(scope)?.name.replaceAll('\\', '') ?? '';
      const upstream = NAMES.test(name) ? upstreamOf(c.main, pass.host) : undefined;
      if (upstream === undefined || seen.has(upstream)) continue;
      seen.add(upstream);
      if (['ip_hash', 'hash', 'sticky', 'sticky_cookie_insert'].some((method) => upstream.own(method).length > 0))
        continue;
      const servers = upstream
        .own('server')
        .filter(({ args }) => !args.some(({ text }) => text === 'backup' || text === 'down'));
      if (servers.length < 2) continue;
      c.report(pass.statement, `requests of one session in "${titleOf(scope)}" are sent to different servers`, {
        help: `add to upstream ${pass.host}: hash $remote_addr consistent; (or ip_hash;), unless all clients use WebSockets only`,
        related: servers.slice(0, 5).map((at) => ({ at, message: 'one of them' })),
      });
    }
  },
});
