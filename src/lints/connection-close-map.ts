import { defineLint } from './engine/lint.js';
import { type Pass, upstreamOf } from './engine/pass.js';
import { proxied } from './engine/websocket.js';

export default defineLint({
  code: 'connection-close-map',
  severity: 'hint',
  on: 'map',
  story:
    'The `map` of `$http_upgrade` gives `close` for requests without `Upgrade`, as the usual guide has it. Then each plain request ends its connection to the server of an `upstream`, and none is kept for the next one (`keepalive`, a default since nginx 1.29.7). The empty string sends no `Connection` at all, which lets it live.',
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
      // What a request without Upgrade gets: the entry of the empty string, or else the default.
      const entry = map.own('')[0] ?? map.own('default')[0];
      const value = entry?.args[0];
      if (entry === undefined || value?.text.toLowerCase() !== 'close') continue;
      const own = entry.name.text === '';
      c.report(value, '"close" for plain requests switches keep-alive to the back end off', {
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

/** Whether connections are kept: those to an `upstream` only, whatever a host without one or with variables is. */
function keepsConnections({ scope, host }: Pass): boolean {
  const upstream = upstreamOf(scope.main, host);
  return upstream !== undefined && upstream.own('keepalive')[0]?.args[0]?.text !== '0';
}
