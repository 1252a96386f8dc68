import { defineLint } from './engine/lint.js';
import { hasSuspectDirective, isComplete } from './engine/values.js';
import { proxied, requestField, sendsUpgrade } from './engine/websocket.js';

export default defineLint({
  code: 'upgrade-without-connection',
  severity: 'warning',
  absence: true,
  on: '*upgrade',
  story:
    'A location forwards `Upgrade`, but `Connection` does not contain `upgrade`. Both are hop-by-hop fields (RFC 9110, section 7.8): without the second the back end ignores the first, and no WebSocket is opened.',
  check(c) {
    // The other field may be set in a file that was not found.
    if (!isComplete(c)) return;
    const seen = new Set<unknown>();
    for (const { scope, upgrade, connection } of proxied(c)) {
      if (upgrade === undefined || sendsUpgrade(connection, c) || seen.has(upgrade)) continue;
      const value = connection?.args[1]?.text ?? '';
      // A variable may have any value; a misspelt connection_upgrade has a separate lint.
      if (value.includes('$') || value === 'connection_upgrade' || value === 'http_connection') continue;
      if (hasSuspectDirective(scope, c)) continue;
      seen.add(upgrade);
      const instead = requestField(scope, 'connection');
      c.report(upgrade, '"Upgrade" is forwarded without "Connection: upgrade"', {
        help: "add: proxy_set_header Connection $connection_upgrade; with: map $http_upgrade $connection_upgrade { default upgrade; '' ''; }",
        ...(instead !== undefined && { related: [{ at: instead, message: 'this applies instead' }] }),
      });
    }
  },
});
