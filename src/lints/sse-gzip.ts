import { eventLocations } from './engine/events.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/location.js';

export default defineLint({
  code: 'sse-gzip',
  severity: 'hint',
  on: 'gzip',
  story:
    'A location seems to pass on server-sent events, and `gzip` compresses their type. Where the proxy buffers as well, an event stays in the compressor until enough others have followed it. Leave `text/event-stream` out of `gzip_types`, or turn `gzip` off there: single events are too small to gain much.',
  check(c) {
    for (const { scope, because, sign } of eventLocations(c)) {
      const gzip = scope.effective('gzip')[0];
      if (gzip?.args[0]?.text !== 'on') continue;
      const type = scope
        .effective('gzip_types')
        .flatMap(({ args }) => args)
        .find(({ text }) => text === '*' || text === 'text/event-stream');
      // nginx empties the compressor after each piece of an answer that is not buffered.
      if (type === undefined || scope.value('proxy_buffering') === 'off') continue;
      c.report(type, `events of "${titleOf(scope)}" are compressed, and come late where they are buffered`, {
        help: 'write gzip off; in that location',
        related: [{ at: sign, message: `events are expected here: ${because}` }],
      });
    }
  },
});
