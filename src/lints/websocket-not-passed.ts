import { defineLint, type LintContext } from './engine/lint.js';
import { enclosingLocation, titleOf } from './engine/scope.js';
import { hasSuspectDirective, isComplete } from './engine/values.js';
import { type Proxied, proxied } from './engine/websocket.js';

/** Last segments of the paths that libraries and applications use for WebSockets. */
const SEGMENT =
  /(?:^|\/)(?:wss?|web-?sockets?|sockets?|socket\.io|engine\.io|sockjs(?:-node)?|cable|signalr|hubs|graphql-ws|subscriptions|xmpp-websocket|colibri-ws|webpack-hmr|[a-z]+Hub|[a-z]+[-_](?:ws|websocket))$/;

/** Names of upstreams: `ws_backend`, `chat-websocket`. */
const UPSTREAM = /(?:^|[-_.])(?:wss?|websockets?|socket[-_.]?io)(?:[-_.]|$)/i;

export default defineLint({
  code: 'websocket-not-passed',
  severity: 'warning',
  absence: true,
  on: 'proxy_pass',
  story:
    "The path or the upstream of a location is named after WebSockets, but the location passes none: `Upgrade` and `Connection` are hop-by-hop fields, which are not forwarded by default, so the back end receives a plain request, and the client gets no connection (Socket.IO and SignalR fall back to polling). Add `proxy_websocket on;`, which does not affect plain requests of the location, or nginx's four lines.",
  check(c) {
    if (!isComplete(c)) return;
    const seen = new Set<unknown>();
    for (const each of proxied(c)) {
      const { scope, pass, upgrade, connection, websocket } = each;
      if (websocket || upgrade !== undefined || connection?.args[1]?.text.includes('$') === true) continue;
      if (/^upgrade$/i.test(connection?.args[1]?.text ?? '') || seen.has(pass.statement)) continue;
      const evidence = evidenceOf(each, c);
      if (evidence === null || scope.own('proxy_websocket').length > 0 || hasSuspectDirective(scope, c)) continue;
      seen.add(pass.statement);
      const { statement } = pass;
      const { source, start } = statement;
      const title = titleOf(scope.within('location') ?? scope);
      c.report(statement, `"${title}" passes no WebSockets, although ${evidence}`, {
        help: 'add: proxy_websocket on;',
        fix: {
          title: 'add proxy_websocket on',
          guess: true,
          edits: [{ at: { source, start, end: start }, text: 'proxy_websocket on; ' }],
        },
      });
    }
  },
});

function evidenceOf({ scope, pass }: Proxied, c: LintContext): string | null {
  const location = enclosingLocation(scope);
  if (location !== null && isForWebSockets(location.name, location.kind === 'regex', c))
    return 'its path suggests them';
  if (UPSTREAM.test(pass.host) && !pass.host.includes('$')) return `its upstream is named "${pass.host}"`;
  return isForWebSockets(pass.uri, false, c) ? 'the path of its target suggests them' : null;
}

function isForWebSockets(path: string, regex: boolean, c: LintContext): boolean {
  const plain = regex ? textOf(path) : path;
  const name = plain.replace(/\?.*$/, '').replace(/\/+$/, '');
  if (SEGMENT.test(name)) return true;
  if (/(?:^|\/)graphql$/.test(name)) return c.mentions('subscription');
  return /(?:^|\/)hub$/.test(name) && c.mentions('signalr');
}

/** An expression without its anchors, escapes, and what follows the last segment. */
function textOf(expression: string): string {
  return expression
    .replace(/\\/g, '')
    .replace(/^\^/, '')
    .replace(/\$$/, '')
    .replace(/(?:\/|\(\/\|\$\)|\/\?)?\(?(?:\.\*|\.\+)?\)?$/, '')
    .replace(/\/\?$/, '');
}
