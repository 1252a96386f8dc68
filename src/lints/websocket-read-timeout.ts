import { parseMilliseconds } from '../config/units.js';
import { defineLint } from './engine/lint.js';
import { enclosingLocation, titleOf } from './engine/scope.js';
import { isComplete } from './engine/values.js';
import { isForWebSockets, proxied, sendsUpgrade } from './engine/websocket.js';

/** Protocols whose libraries send data at least every 25 seconds by default. */
const WITH_PINGS = /socket\.io|engine\.io|sockjs|cable|hub|signalr|phoenix|live\/websocket/i;

const DEFAULT_TIMEOUT = 60_000;

export default defineLint({
  code: 'websocket-read-timeout',
  severity: 'hint',
  on: '*upgrade',
  story:
    'A WebSocket is closed if the back end sends nothing for `proxy_read_timeout`, 60 seconds by default. Increase it, or have the back end send pings more often.',
  check(c) {
    if (!isComplete(c)) return;
    const seen = new Set<unknown>();
    for (const { scope, pass, upgrade, connection } of proxied(c)) {
      if (upgrade === undefined || !sendsUpgrade(connection, c) || !isForWebSockets(scope)) continue;
      if (WITH_PINGS.test(enclosingLocation(scope)?.name ?? '')) continue;
      const value = scope.effective('proxy_read_timeout')[0]?.args[0];
      const time = value === undefined ? DEFAULT_TIMEOUT : parseMilliseconds(value.text);
      const at = value ?? pass.statement;
      if (time === null || time > DEFAULT_TIMEOUT || seen.has(at)) continue;
      seen.add(at);
      const limit = value === undefined ? '60 seconds' : value.text;
      c.report(
        at,
        `a WebSocket of "${titleOf(scope.within('location') ?? scope)}" is closed after ${limit} of silence from the back end`,
        {
          help: `${value === undefined ? 'this is the default of proxy_read_timeout: ' : ''}increase it in this location (proxy_read_timeout 1h;), or have the back end send pings more often`,
        },
      );
    }
  },
});
