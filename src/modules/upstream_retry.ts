/** Limits of further tries: total timeout, budget, delays. Extensions of tsproxy. */
import { custom, milliseconds } from '../config/argument-types.js';
import type { Context } from '../config/directive.js';
import { parseInteger, parsePositiveMilliseconds } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { openZone } from '../program/zones.js';
import { parseParameters, share } from '../upstream/circuit-arguments.js';
import { configuredUpstreams } from '../upstream/configured.js';
import { type BackoffSettings, RETRY_BACKOFF, UPSTREAM_TIMEOUT } from '../upstream/request-limits.js';
import { RetryBudget, type RetryBudgetSettings } from '../upstream/retry-budget.js';
import type { RetryReport } from '../zones/retry-counts.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const module = defineModule({
  name: 'upstream_retry',
  doc: 'Limits requests to upstreams over all their tries: the total time, the share of tries after the first one, and the delays between tries. This is an extension of tsproxy; nginx has no such module.',
  directives: {
    upstream_timeout: {
      contexts: CONTEXTS,
      takes: milliseconds,
      default: '0',
      doc: 'Total time of a request to an upstream, from the selection of the first server to the end of the response, over all tries; `0` means unlimited. When it has elapsed, the try in progress is aborted, and the response is 504; a response whose head was already passed on is cut off. The time for reading a buffered request body does not count. Tunnels (such as WebSockets) and event streams are limited only until their head arrives. By contrast, `proxy_next_upstream_timeout` only prevents further tries, and `proxy_read_timeout` limits the time between two reads.',
      example: 'upstream_timeout 10s;',
    },
    retry_backoff: {
      contexts: CONTEXTS,
      takes: custom<BackoffSettings | null>('off | time [max=time] [jitter=percentage]', 1, 3, (words, c) => {
        const [first, ...rest] = words;
        if (first === undefined) throw new Error('retry_backoff was given no words');
        if (first.text === 'off' && rest.length === 0) return null;
        const delay = parsePositiveMilliseconds(first.text);
        if (delay === null)
          return c.fail(first, 'invalid-value', `invalid value "${first.text}" in "retry_backoff" directive`);
        const { max = Math.max(1000, delay), jitter = 0.5 } = parseParameters(
          rest,
          { max: parsePositiveMilliseconds, jitter: share },
          c,
        );
        if (max < delay) {
          const at = rest.find(({ text }) => text.startsWith('max=')) ?? first;
          c.fail(at, 'invalid-value', '"max" parameter must not be less than the first delay');
        }
        return { first: delay, max, jitter };
      }),
      default: 'off',
      doc: 'Delay before another server is tried after a connection has failed, including its TLS handshake: the given time before the second try, twice as long before each further one, up to `max` (1s). The share `jitter` (50%) of each delay is random, so that many requests that failed together are not repeated together. With `off`, the next server is tried immediately, as in nginx. Failures after the connection was established are not delayed.',
      example: 'retry_backoff 50ms max=1s jitter=50%;',
    },
    retry_budget: {
      contexts: ['upstream'],
      takes: custom<RetryBudgetSettings>('percentage [min=number] [window=time]', 1, 3, (words, c) => {
        const [first, ...rest] = words;
        if (first === undefined) throw new Error('retry_budget was given no words');
        const ratio = share(first.text);
        if (ratio === null)
          return c.fail(first, 'invalid-value', `invalid value "${first.text}" in "retry_budget" directive`);
        const { min = 3, window = 10_000 } = parseParameters(
          rest,
          { min: parseInteger, window: parsePositiveMilliseconds },
          c,
        );
        return { ratio, min, window };
      }),
      inherit: 'none',
      doc: 'Limits the tries after the first one (`proxy_next_upstream`) to a share of the requests to the group within `window` (10s); `min` (3) of them are always allowed. Beyond that, the failure is passed to the client, so that retries do not multiply the load of a failing group. All worker processes share the counts, and they are kept on a reload: they report further tries to each other at once, and requests within 100 ms, so that no request waits; tries that begin at the same time in several workers may exceed the budget by one each. Replacing a cached connection that turns out to be closed does not count.',
      example: 'retry_budget 20% min=3;',
    },
  },
  http(_conf, http, compiler) {
    for (const { block, upstream } of configuredUpstreams(http, 'retry_budget', compiler)) {
      const data = compiler.conf(module, block).retry_budget;
      if (data === undefined) continue;
      const budget = new RetryBudget(data, compiler.zones);
      const name = `retry budget of upstream "${upstream.name}" ${data.window}`;
      const declaration = { kind: 'retry_budget', name, size: 0, key: '' } as const;
      budget.join(openZone(compiler, declaration, name, (news) => budget.news(news as RetryReport)));
      upstream.retryBudget = budget;
    }
  },
  settings(conf, { program }) {
    program.settings.set(UPSTREAM_TIMEOUT, conf.upstream_timeout);
    program.settings.set(RETRY_BACKOFF, conf.retry_backoff);
  },
});
export default module;
