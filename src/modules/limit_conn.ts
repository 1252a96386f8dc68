/** nginx's `ngx_http_limit_conn_module`: limits the number of concurrent requests per key. */
import type { Word } from '../../grammar/syntax-tree.js';
import { choice, custom, flag, integer } from '../config/argument-types.js';
import type { ArgumentContext, ConfOf, Context, Directives } from '../config/directive.js';
import { parseInteger } from '../config/units.js';
import { checkKeyedZones, checkZoneReferences, type KeyedZoneData, parseKeyedZone } from '../config/zone-argument.js';
import type { ErrorLog } from '../logging/error-log.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { type LimitCounts, limitCounts } from '../program/limit-counts.js';
import { defineModule, type Handler } from '../program/module.js';
import { StateKey } from '../program/state-key.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';
import { type KeyedZone, keyedZone, keyOf, openKeyedZones } from '../program/zones.js';
import { type ConnectionAnswer, type ConnectionLimit, takeConnections } from '../zones/limits.js';
import { giveBack, newTicket } from '../zones/tickets.js';
import type { ZoneBackend } from '../zones/zone.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
/** Bytes; nginx stores the length of a key in one byte. */
const MAX_KEY_LENGTH = 255;
/** nginx stores counts in 16 bits. */
const MAX_LIMIT = 65535;

interface LimitData {
  readonly zone: string;
  readonly max: number;
}

function parseLimit(words: readonly Word[], c: ArgumentContext): LimitData {
  const [zone, number] = words as readonly [Word, Word]; // two words: `min` and `max`
  const max = parseInteger(number.text) ?? 0;
  if (max === 0) c.fail(number, 'invalid-value', `invalid number of connections "${number.text}"`);
  if (max > MAX_LIMIT) c.fail(number, 'invalid-value', 'connection limit must be less 65536');
  return { zone: zone.text, max };
}

const directives = {
  limit_conn_zone: {
    contexts: ['http'],
    takes: custom('key zone=name:size [store=name [store_failure=local | open | closed]]', 2, 4, (words, c) =>
      parseKeyedZone('limit_conn', words, c),
    ),
    repeat: true,
    links: ({ zone }: KeyedZoneData) => ({ name: `zone ${zone.name}` }),
    doc: 'Declares a zone that counts concurrent requests per key. A request with an empty key is not counted. With the key `$binary_remote_addr`, one megabyte stores 16 thousand addresses; when a zone is full, requests with new keys are rejected. A reload that does not change name, size and key keeps the counts. With `store`, all machines with the same `zone_store` count together ([cluster.md](../cluster.md)). While the store does not respond, `store_failure` applies: with `local` (the default), each machine has its share of the limit; with `open`, requests are not limited; with `closed`, they are rejected.',
    example: 'limit_conn_zone $binary_remote_addr zone=addr:10m;',
  },
  limit_conn: {
    contexts: CONTEXTS,
    takes: custom('zone number', 2, 2, parseLimit),
    repeat: true,
    links: ({ zone }: LimitData) => ({ refers: [`zone ${zone}`] }),
    doc: 'Maximum number of concurrent requests with the same key; further requests are rejected with `limit_conn_status`. A tunnel (such as a WebSocket) counts until it closes. The directive may be repeated for other zones; a block with `limit_conn` of its own inherits none.',
    example: 'limit_conn addr 10;',
    exampleNeeds: 'limit_conn_zone $binary_remote_addr zone=addr:10m;',
  },
  limit_conn_log_level: {
    contexts: CONTEXTS,
    takes: choice('info', 'notice', 'warn', 'error'),
    default: 'error',
    doc: 'The level at which rejected requests are logged.',
    example: 'limit_conn_log_level warn;',
  },
  limit_conn_status: {
    contexts: CONTEXTS,
    takes: integer({ min: 400, max: 599 }),
    default: '503',
    doc: 'Status of responses to rejected requests.',
    example: 'limit_conn_status 429;',
  },
  limit_conn_dry_run: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Dry run: requests are counted, and those over the limit are logged but not rejected.',
    example: 'limit_conn_dry_run on;',
  },
  limit_conn_fail_open: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Handling of requests while the master process, which counts for all workers, does not respond (it is stopped or overloaded). With `on`, requests are allowed without being counted; with `off`, they are rejected with `limit_conn_status`. The first requests wait for one second; later requests do not wait until the master responds again. The beginning and the end are logged once. This is an extension of tsproxy; nginx has no such directive.',
    example: 'limit_conn_fail_open off;',
  },
} as const satisfies Directives;

type Conf = ConfOf<typeof directives>;
type Status = 'PASSED' | 'REJECTED' | 'REJECTED_DRY_RUN';

const STATUS = new StateKey<Status>('limit_conn status', 'request');

interface Limit {
  readonly keyedZone: KeyedZone;
  readonly max: number;
  readonly counts: LimitCounts;
}

/** Counts taken by a request. Released when the request is finished, even if the reply has not arrived by then. */
class Ticket {
  readonly number = newTicket();
  constructor(private readonly backend: ZoneBackend) {}
  release(): void {
    this.backend.tell(giveBack, this.number);
  }
}

/** The limits of one location. */
class Limiter {
  constructor(
    private readonly conf: Conf,
    private readonly limits: readonly Limit[],
    private readonly backend: ZoneBackend,
    private readonly errorLog: ErrorLog,
  ) {}

  readonly handle: Handler = (x) => {
    // A request is counted once, in spite of internal redirects and subrequests.
    if (x.state(STATUS) !== undefined) return NEXT;
    const applicable: Limit[] = [];
    const limits: ConnectionLimit[] = [];
    for (let i = 0; i < this.limits.length; i++) {
      const limit = this.limits[i] as Limit;
      const key = keyOf(x, limit.keyedZone, MAX_KEY_LENGTH);
      if (key === null) continue;
      applicable.push(limit);
      limits.push({ zone: limit.keyedZone.zone.id, key, max: limit.max });
    }
    if (limits.length === 0) return NEXT;
    x.setState(STATUS, 'PASSED');
    const ticket = new Ticket(this.backend);
    x.onFinish(ticket);
    const reply = this.backend.ask(takeConnections, { ticket: ticket.number, limits });
    return reply instanceof Promise
      ? reply.then((reply) => this.applyReply(x, applicable, reply))
      : this.applyReply(x, applicable, reply);
  };

  private applyReply(x: Exchange, applicable: readonly Limit[], { result, refusedBy }: ConnectionAnswer): Verdict {
    if (x.finished) return DONE;
    if (result === 'taken' || (result === 'unanswered' && this.conf.limit_conn_fail_open)) {
      for (const { counts } of applicable) counts.passed++;
      return NEXT;
    }
    const { limit_conn_dry_run: dryRun, limit_conn_log_level: level, limit_conn_status: status } = this.conf;
    const limit = applicable[refusedBy];
    const name = limit?.keyedZone.zone.declaration.name;
    if (limit !== undefined) limit.counts[dryRun ? 'rejected_dry_run' : 'rejected']++;
    if (result === 'limit') logError(x, level, `limiting connections${dryRun ? ', dry run,' : ''} by zone "${name}"`);
    else if (result === 'unavailable')
      logError(x, level, `limiting connections: no response of the store of zone "${name}"`);
    else if (result === 'memory')
      this.errorLog.write('crit', `ngx_slab_alloc() failed: no memory in limit_conn_zone "${name}"`);
    x.setState(STATUS, dryRun ? 'REJECTED_DRY_RUN' : 'REJECTED');
    return dryRun ? NEXT : status;
  }
}

export default defineModule({
  name: 'limit_conn',
  doc: 'Limits the number of concurrent requests per key, such as the client address.',
  directives,
  variables: {
    limit_conn_status: {
      get: (x) => x.state(STATUS),
      doc: 'Result of `limit_conn`: `PASSED`, `REJECTED` or `REJECTED_DRY_RUN`.',
    },
  },
  check(block, c) {
    checkKeyedZones('limit_conn', 'limit_conn_zone', block, c);
    checkZoneReferences('limit_conn', 'limit_conn', block, ({ args: [at] }) => at && { name: at.text, at }, c);
  },
  http(conf, _block, compiler) {
    openKeyedZones(compiler, conf.limit_conn_zone, 'limit_conn_zone');
  },
  phases: {
    preaccess: {
      // As in nginx, after limit_req: a delayed request is not counted.
      order: 20,
      compile(conf, { compiler }) {
        if (conf.limit_conn.length === 0) return null;
        const limits = conf.limit_conn.map(({ zone, max }) => {
          return { keyedZone: keyedZone(compiler, zone), max, counts: limitCounts(compiler, 'limit_conn', zone) };
        });
        return new Limiter(conf, limits, compiler.zones, compiler.errorLog).handle;
      },
    },
  },
});
