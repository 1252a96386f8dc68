import { eventLocations } from './engine/events.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/scope.js';
import { isComplete } from './engine/values.js';

export default defineLint({
  code: 'sse-buffering',
  severity: 'hint',
  on: '*sse *event *mercure',
  story:
    'A location seems to proxy server-sent events, and `proxy_buffering` is on. nginx then buffers events until a buffer is full, so they arrive late and in bursts; `proxy_buffering off` in this location, or `X-Accel-Buffering: no` from the back end, forwards each event immediately. tsproxy forwards data immediately in either case.',
  check(c) {
    // Buffering may be disabled in a file that was not found.
    if (!isComplete(c)) return;
    for (const { scope, pass, because, sign, declared } of eventLocations(c)) {
      // A configuration for tsproxy.
      if (declared) continue;
      const buffering = scope.effective('proxy_buffering')[0];
      if (buffering?.args[0]?.text === 'off') continue;
      const { source, start } = pass.statement;
      c.report(buffering ?? pass.statement, `nginx buffers events of "${titleOf(scope)}" until a buffer is full`, {
        help: 'for nginx add proxy_buffering off; here, or have the back end send X-Accel-Buffering: no (tsproxy forwards each event immediately)',
        related: [{ at: sign, message: `events are expected here: ${because}` }],
        ...(scope.own('proxy_buffering').length === 0 && {
          fix: {
            title: 'add proxy_buffering off',
            edits: [{ at: { source, start, end: start }, text: 'proxy_buffering off; ' }],
          },
        }),
      });
    }
  },
});
