/** nginx's `ngx_http_limit_req_module`: limits the request rate per key. */
import type { Word } from '../../grammar/syntax-tree.js';
import { choice, custom, flag, integer } from '../config/argument-types.js';
import type { ArgumentContext, ConfOf, Context, Directives } from '../config/directive.js';
import { parseInteger } from '../config/units.js';
import {
  checkKeyedZones,
  checkZoneReferences,
  type KeyedZoneData,
  parseKeyedZone,
  zoneParameter,
} from '../config/zone-argument.js';
import { type ErrorLog, logs } from '../logging/error-log.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { type LimitCounts, limitCounts } from '../program/limit-counts.js';
import { defineModule, type Handler, type Shared } from '../program/module.js';
import { StateKey } from '../program/state-key.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';
import { type KeyedZone, keyedZone, keyOf, openKeyedZones } from '../program/zones.js';
import { countRequest, type RateAnswer, type RateLimit } from '../zones/limits.js';
import type { ZoneBackend } from '../zones/zone.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
/** Bytes; nginx stores the length of a key in two bytes. */
const MAX_KEY_LENGTH = 65535;
const LEVELS = ['info', 'notice', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

interface RateZoneData extends KeyedZoneData {
  /** Thousandths of a request per second. */
  readonly rate: number;
}

/** Parameters that nginx does not have. */
const isStoreParameter = ({ text }: Word): boolean => text.startsWith('store');

function parseRateZone(words: readonly Word[], c: ArgumentContext): RateZoneData {
  const [, , , fourth] = words.filter((word) => !isStoreParameter(word));
  if (fourth !== undefined) {
    const plus = fourth.text === 'sync';
    const message = `invalid number of arguments in "${c.directive}" directive`;
    if (!plus) c.fail(fourth, 'argument-count', message, { help: 'nothing may follow "rate"' });
    c.report(fourth, 'nginx-only-directive', message, {
      help: 'only nginx Plus has "sync"; several machines share the limits of a zone with "store" (docs/cluster.md)',
    });
  }
  let rate = 1000;
  const parse = (word: Word): boolean => {
    if (word === fourth) return true;
    if (!word.text.startsWith('rate=')) return false;
    const [, number = '', unit] = /^rate=(.*?)(r\/s|r\/m)?$/s.exec(word.text) ?? [];
    const requests = parseInteger(number) ?? 0;
    if (requests === 0) {
      c.fail(word, 'invalid-value', `invalid rate "${word.text}"`, {
        help: 'a rate is a number of requests per second or minute: 10r/s, 30r/m',
      });
    }
    rate = Math.floor((requests * 1000) / (unit === 'r/m' ? 60 : 1));
    return true;
  };
  return { ...parseKeyedZone('limit_req', words, c, parse, true), rate };
}

interface LimitData {
  readonly zone: string;
  /** Thousandths of a request. */
  readonly burst: number;
  readonly delay: number | 'none';
}

function parseLimit(words: readonly Word[], c: ArgumentContext): LimitData {
  let zone: string | null = null;
  let burst = 0;
  let delay: number | 'none' = 0;
  for (const word of words) {
    const equals = word.text.indexOf('=') + 1;
    const name = word.text.slice(0, equals);
    const value = word.text.slice(equals);
    if (name === 'zone=') zone = value;
    else if (name === 'burst=') burst = parseCount('burst', value, word, c);
    else if (name === 'delay=') delay = parseCount('delay', value, word, c);
    else if (word.text === 'nodelay') delay = 'none';
    else c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`);
  }
  if (zone === null) return c.fail(c.statement, 'invalid-value', `"${c.directive}" must have "zone" parameter`);
  return { zone, burst, delay };
}

/** A number of requests, in thousandths. */
function parseCount(name: 'burst' | 'delay', value: string, word: Word, c: ArgumentContext): number {
  const count = parseInteger(value) ?? 0;
  if (count === 0) c.fail(word, 'invalid-value', `invalid ${name} value "${word.text}"`);
  return count * 1000;
}

const directives = {
  limit_req_zone: {
    contexts: ['http'],
    takes: custom(
      'key zone=name:size rate=rate [store=name [store_failure=local | open | closed] [store_lease=number]]',
      3,
      7,
      parseRateZone,
    ),
    repeat: true,
    links: ({ zone }: RateZoneData) => ({ name: `zone ${zone.name}` }),
    doc: 'Declares a zone that stores for each key by how much its requests exceed the rate, which is given in requests per second (`r/s`) or minute (`r/m`). A request with an empty key is not counted. With the key `$binary_remote_addr`, one megabyte stores 8 thousand addresses; when a zone is full, the least recently used key is removed. A reload that does not change name, size and key keeps the state and may change the rate. With `store`, all machines with the same `zone_store` count together ([cluster.md](../cluster.md)). While the store does not respond, `store_failure` applies: with `local` (the default), each machine has its share of rate and burst; with `open`, requests are not limited; with `closed`, they are rejected. With `store_lease`, a worker counts up to this number of requests of a key in the store at once, as far as `burst` permits and none is delayed, and the following ones without asking.',
    example: 'limit_req_zone $binary_remote_addr zone=one:10m rate=1r/s;',
  },
  limit_req: {
    contexts: CONTEXTS,
    takes: custom('zone=name [burst=number] [nodelay | delay=number]', 1, 3, parseLimit),
    repeat: true,
    links: ({ zone }: LimitData) => ({ refers: [`zone ${zone}`] }),
    doc: 'Limits requests with the same key to the rate of the zone. Up to `burst` excess requests (default 0) are delayed until they conform to the rate; further requests are rejected with `limit_req_status`. With `nodelay` no request is delayed; with `delay`, only excess requests over this number. The directive may be repeated for other zones; a block with `limit_req` of its own inherits none.',
    example: 'limit_req zone=one burst=5 nodelay;',
    exampleNeeds: 'limit_req_zone $binary_remote_addr zone=one:10m rate=1r/s;',
  },
  limit_req_log_level: {
    contexts: CONTEXTS,
    takes: choice(...LEVELS),
    default: 'error',
    doc: 'The level at which rejected requests are logged; delayed requests are logged one level lower.',
    example: 'limit_req_log_level warn;',
  },
  limit_req_status: {
    contexts: CONTEXTS,
    takes: integer({ min: 400, max: 599 }),
    default: '503',
    doc: 'Status of responses to rejected requests.',
    example: 'limit_req_status 429;',
  },
  limit_req_dry_run: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Dry run: requests are counted, and those over the limit are logged but neither delayed nor rejected.',
    example: 'limit_req_dry_run on;',
  },
  limit_req_fail_open: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Handling of requests while the master process, which counts for all workers, does not respond (it is stopped or overloaded). With `on`, requests are allowed without being counted; with `off`, they are rejected with `limit_req_status`. The first requests wait for one second; later requests do not wait until the master responds again. The beginning and the end are logged once. This is an extension of tsproxy; nginx has no such directive.',
    example: 'limit_req_fail_open off;',
  },
} as const satisfies Directives;

type Conf = ConfOf<typeof directives>;
type Status = 'PASSED' | 'DELAYED' | 'REJECTED' | 'DELAYED_DRY_RUN' | 'REJECTED_DRY_RUN';

const STATUS = new StateKey<Status>('limit_req status', 'request');

interface Limit {
  readonly keyedZone: KeyedZone;
  readonly rate: number;
  readonly burst: number;
  readonly delay: number;
  readonly counts: LimitCounts;
}

/** Delay of a request. It owns only a timer, which is cleared when the request is finished. */
class Delay {
  private readonly timer: NodeJS.Timeout;
  constructor(x: Exchange, ms: number) {
    this.timer = setTimeout(() => x.resume(NEXT), ms);
    x.onFinish(this);
  }
  release(): void {
    clearTimeout(this.timer);
  }
}

/** The limits of one location. */
class Limiter {
  /** Log level of delayed requests. */
  private readonly delayLevel: Level;

  constructor(
    private readonly conf: Conf,
    private readonly limits: readonly Limit[],
    private readonly backend: ZoneBackend,
    private readonly errorLog: ErrorLog,
  ) {
    this.delayLevel = LEVELS[Math.max(0, LEVELS.indexOf(conf.limit_req_log_level) - 1)] ?? 'info';
  }

  readonly handle: Handler = (x) => {
    // A request is counted once, in spite of internal redirects and subrequests.
    if (x.state(STATUS) !== undefined) return NEXT;
    const applicable: Limit[] = [];
    const limits: RateLimit[] = [];
    for (let i = 0; i < this.limits.length; i++) {
      const limit = this.limits[i] as Limit;
      const key = keyOf(x, limit.keyedZone, MAX_KEY_LENGTH);
      if (key === null) continue;
      const { rate, burst, delay } = limit;
      applicable.push(limit);
      limits.push({ zone: limit.keyedZone.zone.id, key, rate, burst, delay });
    }
    if (limits.length === 0) return NEXT;
    const reply = this.backend.ask(countRequest, { limits });
    return reply instanceof Promise
      ? reply.then((reply) => this.applyReply(x, applicable, reply))
      : this.applyReply(x, applicable, reply);
  };

  private applyReply(x: Exchange, applicable: readonly Limit[], reply: RateAnswer): Verdict {
    if (x.finished) return DONE;
    const { result } = reply;
    if (logs(x.errorLog, 'debug')) logError(x, 'debug', `limit_req: ${result} ${thousandths(reply.excess)}`);
    if (result === 'passed' || (result === 'unanswered' && this.conf.limit_req_fail_open)) {
      x.setState(STATUS, 'PASSED');
      for (const { counts } of applicable) counts.passed++;
      return NEXT;
    }
    const { limit_req_dry_run: dryRun, limit_req_log_level: level, limit_req_status: status } = this.conf;
    const limit = applicable[reply.limitIndex];
    const name = limit?.keyedZone.zone.declaration.name;
    const excess = `${dryRun ? ', dry run' : ''}, excess: ${thousandths(reply.excess)}`;
    if (result === 'delayed') {
      logError(x, this.delayLevel, `delaying request${excess}, by zone "${name}"`);
      x.setState(STATUS, dryRun ? 'DELAYED_DRY_RUN' : 'DELAYED');
      if (limit !== undefined) limit.counts[dryRun ? 'delayed_dry_run' : 'delayed']++;
      if (dryRun) return NEXT;
      new Delay(x, reply.delay);
      return DONE;
    }
    if (result === 'beyond') logError(x, level, `limiting requests${excess} by zone "${name}"`);
    else if (result === 'unavailable')
      logError(x, level, `limiting requests: no response of the store of zone "${name}"`);
    else if (result === 'memory') this.errorLog.write('alert', `could not allocate node in limit_req zone "${name}"`);
    x.setState(STATUS, dryRun ? 'REJECTED_DRY_RUN' : 'REJECTED');
    if (limit !== undefined) limit.counts[dryRun ? 'rejected_dry_run' : 'rejected']++;
    return dryRun ? NEXT : status;
  }
}

/** Formats 1234 as `1.234`. */
function thousandths(value: number): string {
  return `${Math.floor(value / 1000)}.${String(value % 1000).padStart(3, '0')}`;
}

/** Rates of a table's zones, by name. */
function ratesOf({ shared }: { shared: Shared }): Map<string, number> {
  const key = 'limit_req rates';
  return shared.get<Map<string, number>>(key) ?? shared.set(key, new Map());
}

export default defineModule({
  name: 'limit_req',
  doc: 'Limits the request rate per key, such as the client address, with the leaky bucket method.',
  directives,
  variables: {
    limit_req_status: {
      get: (x) => x.state(STATUS),
      doc: 'Result of `limit_req`: `PASSED`, `DELAYED`, `REJECTED`, `DELAYED_DRY_RUN` or `REJECTED_DRY_RUN`.',
    },
  },
  check(block, c) {
    checkKeyedZones('limit_req', 'limit_req_zone', block, c);
    checkZoneReferences('limit_req', 'limit_req', block, zoneParameter, c);
  },
  http(conf, _block, compiler) {
    openKeyedZones(compiler, conf.limit_req_zone, 'limit_req');
    for (const { zone, rate } of conf.limit_req_zone) ratesOf(compiler).set(zone.name, rate);
  },
  phases: {
    preaccess: {
      order: 10,
      compile(conf, { compiler }) {
        if (conf.limit_req.length === 0) return null;
        const limits = conf.limit_req.map(({ zone, burst, delay }) => ({
          keyedZone: keyedZone(compiler, zone),
          rate: ratesOf(compiler).get(zone) ?? 0,
          burst,
          // A number, because it must survive JSON.
          delay: delay === 'none' ? Number.MAX_SAFE_INTEGER : delay,
          counts: limitCounts(compiler, 'limit_req', zone),
        }));
        return new Limiter(conf, limits, compiler.zones, compiler.errorLog).handle;
      },
    },
  },
});
