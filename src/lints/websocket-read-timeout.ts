import { defineLint } from './engine/lint.js';
import { shortReadTimeout } from './engine/read-timeout.js';
import { enclosingLocation, titleOf } from './engine/scope.js';
import { isComplete } from './engine/values.js';
import { isForWebSockets, proxied, sendsUpgrade } from './engine/websocket.js';

/** Protocols whose libraries send data at least every 25 seconds by default. */
const WITH_PINGS = /socket\.io|engine\.io|sockjs|cable|hub|signalr|phoenix|live\/websocket/i;

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
      const short = shortReadTimeout(pass);
      if (short === null || seen.has(short.at)) continue;
      const { at, limit, help } = short;
      seen.add(at);
      c.report(
        at,
        `a WebSocket of "${titleOf(scope.within('location') ?? scope)}" is closed after ${limit} of silence from the back end`,
        {
          help: `${help}, or have the back end send pings more often`,
        },
      );
    }
  },
});
