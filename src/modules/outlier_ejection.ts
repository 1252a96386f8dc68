/** `outlier_ejection`: servers that fail too often get no requests for a time. An extension of tsproxy. */
import { custom } from '../config/argument-types.js';
import { parsePositiveInteger, parsePositiveMilliseconds } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { parseParameters, positiveShare, requireParameter } from '../upstream/circuit-arguments.js';
import { openCircuits } from '../upstream/circuit-user.js';
import { configuredUpstreams } from '../upstream/configured.js';
import { type EjectionSettings, OutlierEjection } from '../upstream/outlier-ejection.js';
import type { ServerData } from '../upstream/server-argument.js';

/** Multiple of `time` that an ejection lasts at most. */
const MAX_GROWTH = 10;

const PARAMETERS = {
  failures: parsePositiveInteger,
  ratio: positiveShare,
  min: parsePositiveInteger,
  window: parsePositiveMilliseconds,
  time: parsePositiveMilliseconds,
  max: positiveShare,
};

const module = defineModule({
  name: 'outlier_ejection',
  doc: 'Ejects servers of a group that fail more often than allowed. Unlike `max_fails`, responses with the statuses 500 to 599 count as failures although they are passed on, a share of the requests can be the limit, and only a share of the servers is ejected at once. This is an extension of tsproxy; nginx has no such module.',
  directives: {
    outlier_ejection: {
      contexts: ['upstream'],
      takes: custom<EjectionSettings>(
        'on [failures=number] [ratio=percentage] [min=number] [window=time] [time=time] [max=percentage]',
        1,
        7,
        (words, c) => {
          const parameters = words[0]?.text === 'on' ? words.slice(1) : words;
          const found = parseParameters(parameters, PARAMETERS, c);
          requireParameter(parameters, 'min', 'ratio', c);
          const { ratio = 0, failures = ratio > 0 ? 0 : 5, min = 10, window = 10_000, time = 30_000 } = found;
          const rules = { window, failures, ratio, min, open: time, growth: MAX_GROWTH, probes: 0, maxOpen: 0 };
          return { rules, max: found.max ?? 0.5 };
        },
      ),
      inherit: 'none',
      doc: 'Ejects servers that fail too often. A server is ejected if, within `window` (10s), the number of `failures` (5) is reached, or, with `ratio`, if that share of at least `min` (10) requests has failed; with both parameters, one of them suffices. Failures are those listed in `proxy_next_upstream`, and responses with a status of 500 or more. An ejected server gets no requests for `time` (30s); if it is ejected again soon after that, for twice the time, and so on, up to ten times the time. At most the share `max` (50%) of the servers of the group is ejected at once, rounded down; further ones continue to get requests. The `slow_start` of a server begins when its ejection ends. `max_fails` applies independently. All worker processes share the counts.',
      example: 'outlier_ejection ratio=50% min=10 window=10s time=30s max=30%;',
    },
  },
  check(block, c) {
    const data = block.values.outlier_ejection as EjectionSettings | undefined;
    const servers = (block.values.server as readonly ServerData[] | undefined) ?? [];
    const at = c.statements('outlier_ejection')[0];
    // Names may have several addresses, which are servers of their own.
    const isKnown = servers.every(({ written }) => /^(unix:|\[|[\d.]+(:|$))/.test(written));
    if (data === undefined || at === undefined || !isKnown || servers.length * data.max >= 1) return;
    c.report(at, 'no-effect', '"outlier_ejection" has no effect', {
      severity: 'warning',
      help: `${Math.round(data.max * 100)}% of ${servers.length} server${servers.length === 1 ? '' : 's'} is less than one: add servers, or raise "max"`,
    });
  },
  http(_conf, http, compiler) {
    for (const { block, upstream } of configuredUpstreams(http, 'outlier_ejection', compiler)) {
      const data = compiler.conf(module, block).outlier_ejection;
      if (data === undefined) continue;
      const ejection = new OutlierEjection(upstream, data, compiler.zones, compiler.errorLog);
      openCircuits(ejection.circuits, `outlier ejection of upstream "${upstream.name}"`, compiler);
      upstream.ejection = ejection;
    }
  },
});
export default module;
