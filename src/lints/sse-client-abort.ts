import { eventLocations } from './engine/events.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/scope.js';

export default defineLint({
  code: 'sse-client-abort',
  severity: 'warning',
  on: 'proxy_ignore_client_abort',
  story:
    'With `proxy_ignore_client_abort on` the request to the back end continues when its client has disconnected. A stream of server-sent events has no end, so that the back end serves clients that disconnected long ago, and connections to it accumulate. Set the directive in other locations only.',
  check(c) {
    for (const { scope, because, sign } of eventLocations(c)) {
      const statement = scope.effective('proxy_ignore_client_abort')[0];
      if (statement?.args[0]?.text.toLowerCase() !== 'on') continue;
      c.report(
        statement,
        `event streams of "${titleOf(scope.within('location') ?? scope)}" continue when their clients have disconnected`,
        {
          help: 'write proxy_ignore_client_abort off; in this location',
          related: [{ at: sign, message: `events are expected here: ${because}` }],
        },
      );
    }
  },
});
