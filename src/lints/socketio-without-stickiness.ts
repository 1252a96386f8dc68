import type { Statement } from '../../grammar/syntax-tree.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { upstreamOf } from './engine/pass.js';
import { enclosingLocation, type Scope, titleOf } from './engine/scope.js';
import { namesOf } from './engine/servers.js';
import { type Proxied, proxied } from './engine/websocket.js';

/** Libraries whose sessions consist of several requests that must reach the same server. */
const NAMES =
  /(?:^|[^a-z])(?:socket[._-]?io|engine\.io|sockjs(?:-node)?|signalr|cometd|http-bind|bosh)(?![a-z])|\$\{?arg_eio\b|\bEIO=|transport=polling/i;

/** Paths of SignalR's hubs and of the request that begins a session there. */
const HUB = /\/(?:hubs?|[a-z]+Hub)(?:\/negotiate)?\/?$|\/negotiate\/?$/;

/** Methods that select the same server for the requests of one session. */
const STICKY = ['ip_hash', 'sticky', 'sticky_cookie_insert'];

/** Keys that differ between the requests of one session. */
const PER_REQUEST =
  /\$\{?(?:request_uri|request|args|query_string|is_args|request_id|msec|connection|connection_requests|remote_port|arg_t|arg_sid|request_time)\b/i;

export default defineLint({
  code: 'socketio-without-stickiness',
  severity: 'warning',
  on: '*socket *engine.io *sockjs *signalr *cometd *bosh *http-bind *eio *negotiate *hub *transport=polling',
  story:
    'Socket.IO, SockJS and SignalR begin a session with plain requests, and each of them must reach the server that created the session; any other server answers `400 Session ID unknown` (Socket.IO) or `404 No Connection with that ID` (SignalR). An upstream with several servers needs `sticky` or `ip_hash` for this, or `hash` with a key that all requests of a session share, unless every client is configured to use WebSockets only. Such locations are recognized by their path, their target, the names of the upstream, its servers and the server, and conditions on the requests of these libraries.',
  check(c) {
    const seen = new Set<unknown>();
    for (const each of proxied(c)) {
      const { scope, pass } = each;
      const upstream = upstreamOf(c.main, pass.host);
      if (upstream === undefined || seen.has(upstream)) continue;
      const sign = signOf(each, upstream, c);
      if (sign === null) continue;
      seen.add(upstream);
      const servers = upstream
        .own('server')
        .filter(({ args }) => !args.some(({ text }) => text === 'backup' || text === 'down'));
      if (servers.length < 2 || STICKY.some((method) => upstream.own(method).length > 0)) continue;
      const [hash] = upstream.own('hash');
      const key = hash?.args[0]?.text ?? '';
      if (hash !== undefined && !PER_REQUEST.test(key)) continue;
      c.report(pass.statement, `requests of one session in "${titleOf(scope)}" are sent to different servers`, {
        help:
          hash === undefined
            ? `add to upstream ${pass.host}: hash $remote_addr consistent; (or ip_hash;), unless all clients use WebSockets only`
            : `the key "${key}" differs between the requests of a session; use: hash $remote_addr consistent;`,
        related: [
          ...(sign === 'path' ? [] : [{ at: sign, message: 'this indicates such sessions' }]),
          ...servers.slice(0, 5).map((at) => ({ at, message: 'server of the upstream' })),
        ],
      });
    }
  },
});

/** Indication that a location serves such sessions: its path, or a statement; null if there is none. */
function signOf(
  { scope, pass, upgrade, websocket }: Proxied,
  upstream: Scope,
  c: LintContext,
): 'path' | Statement | null {
  const location = enclosingLocation(scope);
  const path = location?.name.replaceAll('\\', '') ?? '';
  if (NAMES.test(path) || (HUB.test(path.replace(/\$$/, '')) && c.mentions('signalr')) || /\/negotiate\b/.test(path)) {
    return 'path';
  }
  const block = scope.within('location') ?? scope;
  if (NAMES.test(pass.uri) || NAMES.test(pass.host)) return pass.statement;
  const server = upstream.own('server').find(({ args }) => NAMES.test(args[0]?.text ?? ''));
  if (server !== undefined) return server;
  const condition = conditionIn(block) ?? conditionOf(scope);
  if (condition !== null) return condition;
  // A server name applies to all locations, also those for files: it counts only where upgrades are passed.
  const host = scope.within('server');
  if (host === null || (upgrade === undefined && !websocket)) return null;
  return namesOf(host).some((name) => NAMES.test(name)) ? (host.own('server_name')[0] ?? null) : null;
}

/** A statement of a block, or of a condition in it, about requests of these libraries. */
function conditionIn(block: Scope): Statement | null {
  for (const each of block.all()) {
    const found = each.statements.find(({ name, args }) => {
      return /^(?:if|rewrite|set)$/.test(name.text) && args.some(({ text }) => NAMES.test(text.replaceAll('\\', '')));
    });
    if (found !== undefined) return found;
  }
  return null;
}

/** The condition of an `if` around a target. */
function conditionOf(scope: Scope): Statement | null {
  const { opener } = scope;
  if (scope.kind !== 'if' || opener === null) return null;
  return opener.args.some(({ text }) => NAMES.test(text.replaceAll('\\', ''))) ? opener : null;
}
