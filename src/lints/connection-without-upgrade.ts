import { defineLint } from './engine/lint.js';
import { isComplete } from './engine/values.js';
import { isUpgradeVariable, proxied, requestField } from './engine/websocket.js';

export default defineLint({
  code: 'connection-without-upgrade',
  severity: 'warning',
  absence: true,
  on: '*upgrade',
  story:
    'A location sends `Connection: upgrade` to the back end, but no `Upgrade` with it. `Upgrade` is a hop-by-hop field and is not forwarded by default, so no WebSocket is opened, and every request asks for an upgrade without naming a protocol.',
  check(c) {
    // The other field may be set in a file that was not found.
    if (!isComplete(c)) return;
    const seen = new Set<unknown>();
    for (const { scope, connection } of proxied(c)) {
      const value = connection?.args[1]?.text ?? '';
      if (connection === undefined || seen.has(connection)) continue;
      if (!/^upgrade$/i.test(value) && !isUpgradeVariable(value, c)) continue;
      // An empty value was set on purpose.
      if (requestField(scope, 'upgrade') !== undefined) continue;
      seen.add(connection);
      const { source, start } = connection;
      c.report(connection, '"Connection" asks for an upgrade, but "Upgrade" is not forwarded', {
        help: 'add: proxy_set_header Upgrade $http_upgrade;',
        fix: {
          title: 'add proxy_set_header Upgrade',
          edits: [{ at: { source, start, end: start }, text: 'proxy_set_header Upgrade $http_upgrade; ' }],
        },
      });
    }
  },
});
