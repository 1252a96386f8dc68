/** nginx's `ngx_http_limit_conn_module`: how many requests may be under way at a time for a key. */
import type { Word } from '../../grammar/syntax-tree.js';
import { choice, custom, flag, integer } from '../config/argument-types.js';
import type { ArgumentContext, ConfOf, Context, Directives } from '../config/directive.js';
import { parseInteger } from '../config/units.js';
import { checkKeyedZones, checkZoneReferences, type KeyedZoneData, parseKeyedZone } from '../config/zone-argument.js';
import { logError } from '../exchange/error-context.js';
import type { ErrorLog } from '../exchange/error-log.js';
import { type Exchange, StateKey } from '../exchange/exchange.js';
import { defineModule, type Handler } from '../exchange/module.js';
import { DONE, NEXT, type Verdict } from '../exchange/verdict.js';
import { type KeyedZone, keyedZone, keyOf, openKeyedZones } from '../exchange/zones.js';
import { type ConnectionAnswer, type ConnectionLimit, takeConnections } from '../zones/limits.js';
import { giveBack, newTicket } from '../zones/tickets.js';
import type { ZoneBackend } from '../zones/zone.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
/** Bytes; nginx keeps the length of a key in one. */
const LONGEST_KEY = 255;
/** nginx keeps counts in 16 bits. */
const LARGEST_LIMIT = 65535;

interface LimitData {
  readonly zone: string;
  readonly max: number;
}

function parseLimit(words: readonly Word[], c: ArgumentContext): LimitData {
  const [zone, number] = words as readonly [Word, Word]; // two words: `min` and `max`
  const max = parseInteger(number.text) ?? 0;
  if (max === 0) c.fail(number, 'invalid-value', `invalid number of connections "${number.text}"`);
  if (max > LARGEST_LIMIT) c.fail(number, 'invalid-value', 'connection limit must be less 65536');
  return { zone: zone.text, max };
}

const directives = {
  limit_conn_zone: {
    contexts: ['http'],
    takes: custom('key zone=name:size', 2, 2, (words, c) => parseKeyedZone('limit_conn', words, c)),
    repeat: true,
    links: ({ zone }: KeyedZoneData) => ({ name: `zone ${zone.name}` }),
    doc: 'Declares a zone that counts the requests under way for each key. A request whose key is empty is not counted. With `$binary_remote_addr` as the key a megabyte has room for 16 thousand addresses; where a zone is full, requests with further keys are refused. A reload that keeps name, size and key keeps the counts.',
    example: 'limit_conn_zone $binary_remote_addr zone=addr:10m;',
  },
  limit_conn: {
    contexts: CONTEXTS,
    takes: custom('zone number', 2, 2, parseLimit),
    repeat: true,
    links: ({ zone }: LimitData) => ({ refers: [`zone ${zone}`] }),
    doc: 'How many requests with the same key may be under way at a time; others are refused with `limit_conn_status`. A tunnel (a WebSocket) is under way until it ends. Several may be given, each for another zone; a block that has one of its own inherits none.',
    example: 'limit_conn addr 10;',
    exampleNeeds: 'limit_conn_zone $binary_remote_addr zone=addr:10m;',
  },
  limit_conn_log_level: {
    contexts: CONTEXTS,
    takes: choice('info', 'notice', 'warn', 'error'),
    default: 'error',
    doc: 'The level at which refused requests are logged.',
    example: 'limit_conn_log_level warn;',
  },
  limit_conn_status: {
    contexts: CONTEXTS,
    takes: integer({ min: 400, max: 599 }),
    default: '503',
    doc: 'The status with which requests are refused.',
    example: 'limit_conn_status 429;',
  },
  limit_conn_dry_run: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Where on, requests are counted, and logged where they would be refused, but none is refused.',
    example: 'limit_conn_dry_run on;',
  },
  limit_conn_fail_open: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'What happens to requests while the master process, in which several workers count together, does not answer (it is stopped, or overloaded). Where on, they are let through without being counted; where off, they are refused with `limit_conn_status`. The first requests wait for one second, later ones do not wait until the master answers again; the error log says once when this begins and ends. A directive of tsproxy; nginx has none like it.',
    example: 'limit_conn_fail_open off;',
  },
} as const satisfies Directives;

type Conf = ConfOf<typeof directives>;
type Status = 'PASSED' | 'REJECTED' | 'REJECTED_DRY_RUN';

const STATUS = new StateKey<Status>('limit_conn status', 'request');

interface Limit {
  readonly in: KeyedZone;
  readonly max: number;
}

/** What a request has taken. It is given back when the request is over, whether or not the answer had come by then. */
class Ticket {
  readonly number = newTicket();
  constructor(private readonly home: ZoneBackend) {}
  release(): void {
    this.home.tell(giveBack, this.number);
  }
}

/** The limits of one location. */
class Limiter {
  constructor(
    private readonly conf: Conf,
    private readonly limits: readonly Limit[],
    private readonly home: ZoneBackend,
    private readonly errorLog: ErrorLog,
  ) {}

  readonly handle: Handler = (x) => {
    // A request is counted once, wherever internal redirects and subrequests lead.
    if (x.state(STATUS) !== undefined) return NEXT;
    const asked: Limit[] = [];
    const limits: ConnectionLimit[] = [];
    for (let i = 0; i < this.limits.length; i++) {
      const limit = this.limits[i] as Limit;
      const key = keyOf(x, limit.in, LONGEST_KEY);
      if (key === null) continue;
      asked.push(limit);
      limits.push({ zone: limit.in.zone.id, key, max: limit.max });
    }
    if (limits.length === 0) return NEXT;
    x.setState(STATUS, 'PASSED');
    const ticket = new Ticket(this.home);
    x.onFinish(ticket);
    const answer = this.home.ask(takeConnections, { ticket: ticket.number, limits });
    return answer instanceof Promise ? answer.then((late) => this.judge(x, asked, late)) : this.judge(x, asked, answer);
  };

  private judge(x: Exchange, asked: readonly Limit[], { result, refusedBy }: ConnectionAnswer): Verdict {
    if (x.finished) return DONE;
    if (result === 'taken' || (result === 'unanswered' && this.conf.limit_conn_fail_open)) return NEXT;
    const { limit_conn_dry_run: dryRun, limit_conn_log_level: level, limit_conn_status: status } = this.conf;
    const name = asked[refusedBy]?.in.zone.declaration.name;
    if (result === 'limit') logError(x, level, `limiting connections${dryRun ? ', dry run,' : ''} by zone "${name}"`);
    else if (result === 'memory')
      this.errorLog.write('crit', `ngx_slab_alloc() failed: no memory in limit_conn_zone "${name}"`);
    x.setState(STATUS, dryRun ? 'REJECTED_DRY_RUN' : 'REJECTED');
    return dryRun ? NEXT : status;
  }
}

export default defineModule({
  name: 'limit_conn',
  doc: 'Limits how many requests are under way at a time for a key, such as the address of the client.',
  directives,
  variables: {
    limit_conn_status: {
      get: (x) => x.state(STATUS),
      doc: 'What `limit_conn` decided: `PASSED`, `REJECTED` or `REJECTED_DRY_RUN`.',
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
      // nginx looks at connections after rates: a request that is being delayed is not counted.
      order: 20,
      compile(conf, { compiler }) {
        if (conf.limit_conn.length === 0) return null;
        const limits = conf.limit_conn.map(({ zone, max }) => ({ in: keyedZone(compiler, zone), max }));
        return new Limiter(conf, limits, compiler.zones, compiler.errorLog).handle;
      },
    },
  },
});
