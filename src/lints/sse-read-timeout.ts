import { eventLocations } from './engine/events.js';
import { defineLint } from './engine/lint.js';
import { shortReadTimeout } from './engine/read-timeout.js';
import { titleOf } from './engine/scope.js';
import { isComplete } from './engine/values.js';

export default defineLint({
  code: 'sse-read-timeout',
  severity: 'hint',
  on: '*sse *event *mercure',
  story:
    'A stream of server-sent events is cut if the back end sends nothing for `proxy_read_timeout`, 60 seconds by default, and clients reconnect. Comments that the proxy sends to clients (`sse_heartbeat`) do not prevent this. Increase the timeout, have the back end send comments more often, or let the proxy continue such streams (`sse_reconnect on`).',
  check(c) {
    if (!isComplete(c)) return;
    const seen = new Set<unknown>();
    for (const { scope, pass, because, sign } of eventLocations(c)) {
      if (scope.value('sse_reconnect') === 'on') continue;
      const short = shortReadTimeout(pass);
      if (short === null || seen.has(short.at)) continue;
      const { at, limit, help } = short;
      seen.add(at);
      c.report(
        at,
        `an event stream of "${titleOf(scope.within('location') ?? scope)}" is cut after ${limit} of silence from the back end`,
        {
          help: `${help}, or have the back end send comments more often`,
          related: [{ at: sign, message: `events are expected here: ${because}` }],
        },
      );
    }
  },
});
