import { defineLint } from './engine/lint.js';
import { type Pass, upstreamOf } from './engine/pass.js';
import { proxied } from './engine/websocket.js';

export default defineLint({
  code: 'connection-close-map',
  severity: 'hint',
  on: 'map',
  story:
    'The `map` of `$http_upgrade` gives `close` for requests without `Upgrade`, as in the widely copied example. Each plain request then closes its connection to the server of an `upstream`, and none is kept alive for the next one (`keepalive`, a default since nginx 1.29.7). With an empty string no `Connection` field is sent, and the connection is kept alive.',
  check(c) {
    const used = new Set(
      proxied(c)
        .filter(({ pass }) => keepsConnections(pass))
        .map(({ connection }) => connection?.args[1]?.text.toLowerCase()),
    );
    for (const map of c.scopes('entries')) {
      const [source, variable] = map.opener?.args ?? [];
      if (map.directive !== 'map' || source?.text !== '$http_upgrade' || variable === undefined) continue;
      if (!used.has(variable.text.toLowerCase())) continue;
      // The value for a request without Upgrade: the entry of the empty string, or else the default.
      const entry = map.own('')[0] ?? map.own('default')[0];
      const value = entry?.args[0];
      if (entry === undefined || value?.text.toLowerCase() !== 'close') continue;
      const own = entry.name.text === '';
      c.report(value, '"close" for plain requests disables keep-alive to the upstream server', {
        help: "an empty value sends no Connection field: '' '';",
        fix: {
          title: "write '' '';",
          edits: own
            ? [{ at: value, text: "''" }]
            : [{ at: { source: entry.source, start: entry.start, end: entry.start }, text: "'' ''; " }],
        },
      });
    }
  },
});

/** Whether connections are kept alive. This applies to an `upstream` only, not to a plain host or one with variables. */
function keepsConnections({ scope, host }: Pass): boolean {
  const upstream = upstreamOf(scope.main, host);
  return upstream !== undefined && upstream.own('keepalive')[0]?.args[0]?.text !== '0';
}
