/** `queue`, as documented for nginx Plus: requests wait until a server is available. */
import { custom } from '../config/argument-types.js';
import { parseInteger, parseMilliseconds } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { configuredUpstreams } from '../upstream/configured.js';
import type { QueueSettings } from '../upstream/upstream-observer.js';

/** Default of `timeout`, ms. */
const TIMEOUT = 60_000;

const module = defineModule({
  name: 'upstream_queue',
  doc: 'Lets requests wait until a server of the group is available, instead of answering them with 502.',
  directives: {
    queue: {
      contexts: ['upstream'],
      takes: custom<QueueSettings>('number [timeout=time]', 1, 2, ([number, parameter], c) => {
        if (number === undefined) throw new Error('queue was given no words');
        const max = parseInteger(number.text);
        if (max === null || max === 0) {
          return c.fail(number, 'invalid-value', `invalid value "${number.text}" in "queue" directive`, {
            help: 'the number of requests that may wait, at least 1',
          });
        }
        if (parameter === undefined) return { max, timeout: TIMEOUT };
        const [, time] = /^timeout=(.*)$/s.exec(parameter.text) ?? [];
        const timeout = time === undefined ? null : parseMilliseconds(time);
        if (timeout === null || timeout === 0) {
          return c.fail(parameter, 'invalid-value', `invalid parameter "${parameter.text}"`, {
            help: 'the only parameter is "timeout", a time such as 500ms or 30s',
          });
        }
        return { max, timeout };
      }),
      inherit: 'none',
      doc: 'Maximum number of requests that wait at the same time because no server is available: all of them have reached `max_conns`, have failed (`max_fails`), or are `down`. They wait in the order of arrival until a server can be used, at most for `timeout` (60s); if the queue is full, or the time has elapsed, a request is answered with 502. `$upstream_queue_time` is the time that a request has waited. A request whose client closes the connection leaves the queue. nginx has this directive in its commercial version.',
      example: 'queue 100 timeout=10s;',
      differs:
        'Each worker has its own queue. The directive may precede the load balancing method, which must come first in nginx Plus.',
      differsSlightly: true,
    },
  },
  http(_conf, http, compiler) {
    for (const { block, upstream } of configuredUpstreams(http, 'queue', compiler)) {
      upstream.queueSettings = compiler.conf(module, block).queue ?? null;
    }
  },
});
export default module;
