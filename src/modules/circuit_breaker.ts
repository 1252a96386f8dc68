/** `circuit_breaker`: requests are refused while too many of them fail. An extension of tsproxy. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import { parsePositiveInteger, parsePositiveMilliseconds } from '../config/units.js';
import { type Compiler, defineModule } from '../program/module.js';
import { Breaker, type BreakerSettings } from '../upstream/breaker.js';
import { BREAKER_PASS } from '../upstream/breaker-pass.js';
import {
  countedFailures,
  errorStatus,
  parseParameters,
  positiveShare,
  requireParameter,
} from '../upstream/circuit-arguments.js';
import { openCircuits } from '../upstream/circuit-user.js';
import { configuredUpstreams } from '../upstream/configured.js';
import { FAILURE_TYPES } from '../upstream/failure-types.js';
import { LOCATION_BREAKER } from '../upstream/request-limits.js';

const PARAMETERS = {
  failures: parsePositiveInteger,
  ratio: positiveShare,
  min: parsePositiveInteger,
  window: parsePositiveMilliseconds,
  open: parsePositiveMilliseconds,
  probes: parsePositiveInteger,
  on: countedFailures,
  status: errorStatus,
};
const DEFAULT_TYPES = FAILURE_TYPES.connect | FAILURE_TYPES.error | FAILURE_TYPES.timeout | FAILURE_TYPES['5xx'];

function parseBreaker(words: readonly Word[], c: ArgumentContext): BreakerSettings | null {
  const [first, ...rest] = words as readonly [Word, ...Word[]]; // one word at least: `min`
  if (first.text === 'off') {
    const [extra] = rest;
    if (extra !== undefined)
      c.fail(extra, 'invalid-value', `invalid parameter "${extra.text}"`, { help: '"off" takes no parameters' });
    return null;
  }
  const parameters = first.text === 'on' ? rest : words;
  const found = parseParameters(parameters, PARAMETERS, c);
  requireParameter(parameters, 'min', 'ratio', c);
  const { ratio = 0, failures = ratio > 0 ? 0 : 5, min = 20, window = 10_000, open = 30_000, probes = 1 } = found;
  return {
    rules: { window, failures, ratio, min, open, growth: 1, probes, maxOpen: 1 },
    failures: found.on ?? { types: DEFAULT_TYPES, statuses: [] },
    status: found.status ?? 503,
  };
}

const module = defineModule({
  name: 'circuit_breaker',
  doc: 'Refuses the requests of an upstream or a location immediately while too many of them fail, so that clients do not wait for failures and the servers can recover. This is an extension of tsproxy; nginx has no such module.',
  directives: {
    circuit_breaker: {
      contexts: ['http', 'server', 'location', 'upstream'],
      takes: custom(
        'off | on [failures=number] [ratio=percentage] [min=number] [window=time] [open=time] [probes=number] [on=type,...] [status=code]',
        1,
        9,
        parseBreaker,
      ),
      default: 'off',
      doc: 'Configures a circuit breaker: in `upstream`, one for all requests to the group; elsewhere, one for each location. The breaker of the location is evaluated first. It opens if, within `window` (10s), the number of `failures` (5) is reached, or, with `ratio`, if that share of at least `min` (20) requests has failed; with both parameters, one of them suffices. While it is open, requests are refused with `status` (503), which `error_page` can handle, and no server is tried. After the time `open` (30s) it is half-open: `probes` (1) requests pass. If all of them succeed it closes; if one fails it opens again; a probe whose client disconnects is replaced by another. A request counts once, by its final result after all tries, when the head of the response arrives (also that of a tunnel or an event stream); if the response fails later, it counts as failed. The types of failures are listed in `on`: `connect` (connections and TLS handshakes that fail, and requests for which no server is available), `error` (connections that fail later, invalid responses), `timeout`, `5xx` (responses with such a status), `upgrade` (a response with a status of 400 or more to a request with `Upgrade`), `http_429` and so on (responses with that status); by default `connect,error,timeout,5xx`. State changes are logged once. All worker processes share the state, and it is kept on a reload that leaves the parameters unchanged. If the master process, which holds the state, does not respond, requests pass. Locations with the same pattern in servers with the same first `server_name` share a breaker.',
      example: 'circuit_breaker ratio=50% min=20 window=10s open=30s probes=3;',
    },
  },
  variables: {
    upstream_breaker_state: {
      get: (x) => x.state(BREAKER_PASS)?.state,
      doc: 'State of the circuit breaker: `closed`, `open` or `half_open`; if two apply, that of the first one that is not closed. Empty if none applies.',
    },
    upstream_breaker_status: {
      get: (x) => x.state(BREAKER_PASS)?.status,
      doc: 'Result of the circuit breaker for the request: `PASSED`, `PROBE` or `REFUSED`. Empty if none applies.',
    },
  },
  http(_conf, http, compiler) {
    for (const { block, upstream } of configuredUpstreams(http, 'circuit_breaker', compiler)) {
      const data = compiler.conf(module, block).circuit_breaker;
      if (data !== null) upstream.breaker = open(`upstream "${upstream.name}"`, data, compiler);
    }
  },
  settings(conf, { program, server, compiler }) {
    const data = conf.circuit_breaker;
    if (data === null) {
      program.settings.set(LOCATION_BREAKER, null);
      return;
    }
    const subject = `location "${program.name}" of server "${server?.name ?? ''}"`;
    program.settings.set(LOCATION_BREAKER, open(subject, data, compiler));
  },
});
export default module;

/** Returns the breaker of an upstream or location; the body of an `if` has that of its location. */
function open(subject: string, data: BreakerSettings, compiler: Compiler): Breaker {
  const name = `circuit breaker of ${subject} ${JSON.stringify(data)}`;
  const known = compiler.shared.get<Breaker>(name);
  if (known !== undefined) return known;
  const breaker = new Breaker(subject, data, compiler.zones, compiler.errorLog);
  openCircuits(breaker.circuits, name, compiler);
  return compiler.shared.set(name, breaker);
}
