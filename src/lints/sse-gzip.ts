import { eventLocations } from './engine/events.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/scope.js';

export default defineLint({
  code: 'sse-gzip',
  severity: 'hint',
  on: 'gzip',
  story:
    'A location seems to proxy server-sent events, and `gzip` compresses their type. If the proxy buffers as well, an event stays in the compressor until enough others have followed it. Remove `text/event-stream` from `gzip_types`, or disable `gzip` there: single events are too small to benefit much.',
  check(c) {
    for (const { scope, because, sign } of eventLocations(c)) {
      const gzip = scope.effective('gzip')[0];
      if (gzip?.args[0]?.text !== 'on') continue;
      const type = scope
        .effective('gzip_types')
        .flatMap(({ args }) => args)
        .find(({ text }) => text === '*' || text === 'text/event-stream');
      // nginx flushes the compressor after each part of an unbuffered response.
      if (type === undefined || scope.value('proxy_buffering') === 'off') continue;
      c.report(type, `events of "${titleOf(scope)}" are compressed, and delayed if they are buffered`, {
        help: 'write gzip off; in that location',
        related: [{ at: sign, message: `events are expected here: ${because}` }],
      });
    }
  },
});
