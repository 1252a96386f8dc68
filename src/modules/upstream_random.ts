/** nginx's `ngx_http_upstream_random_module`: random load balancing, with two choices on request. */
import { custom } from '../config/argument-types.js';
import { defineModule } from '../program/module.js';
import type { Session } from '../program/session.js';
import type { Balancer, Outcome, Selection } from '../upstream/balancer.js';
import { checkBalancingMethod } from '../upstream/balancing-method.js';
import { useBalancer } from '../upstream/configured.js';
import type { Peer, PeerGroup } from '../upstream/peer.js';
import { type AttemptTimes, estimatedTime, recordTimes, type TimeMode } from '../upstream/peer-times.js';
import { type PeerSource, RoundRobinSelection } from '../upstream/round-robin.js';

/** Misses before falling back to round robin. */
const MAX_TRIES = 20;

class RandomSelection extends RoundRobinSelection {
  private misses = 0;

  constructor(
    x: Session,
    group: PeerGroup,
    private readonly two: boolean,
  ) {
    super(x, group);
  }

  protected override choose(now: number): Peer | null {
    if (this.misses > MAX_TRIES || this.group.peers.length < 2) return this.roundRobin(now);
    let first = -1;
    do {
      const i = this.indexByWeight(Math.floor(Math.random() * this.group.totalWeight));
      if (i === first || !this.available(i, now)) continue;
      if (!this.two) return this.take(i, now);
      if (first >= 0) return this.take(this.better(first, i, now), now);
      first = i;
    } while (++this.misses <= MAX_TRIES);
    return this.roundRobin(now);
  }

  private better(first: number, second: number, now: number): number {
    const a = this.peer(first);
    const b = this.peer(second);
    return this.costOf(b, now) * a.weight > this.costOf(a, now) * b.weight ? first : second;
  }

  /** Cost of a peer: of two peers, the one with the lower cost relative to its weight is used. */
  protected costOf(peer: Peer, _now: number): number {
    return peer.load;
  }
}

/** Selects two peers at random and uses the faster one. */
class TimedSelection extends RandomSelection {
  constructor(
    x: Session,
    group: PeerGroup,
    private readonly mode: TimeMode,
  ) {
    super(x, group, true);
  }

  protected override costOf(peer: Peer, now: number): number {
    return estimatedTime(peer, this.mode, now);
  }

  override release(outcome: Outcome, times?: AttemptTimes): void {
    if (this.current !== null && outcome === 'ok' && times !== undefined) recordTimes(this.current, times);
    super.release(outcome, times);
  }
}

/** Balancer of `random` in all its forms; `two`: criterion for the choice between two peers; null: only one is selected. */
export class RandomChoice implements Balancer {
  readonly method: string;

  constructor(
    private readonly source: PeerSource,
    private readonly two: 'least_conn' | TimeMode | null,
  ) {
    this.method = two === null ? 'random' : `random two ${two === 'least_conn' ? two : `least_time=${two}`}`;
  }

  begin(x: Session): Selection {
    const { two } = this;
    const group = this.source.current();
    if (two === null || two === 'least_conn') return new RandomSelection(x, group, two !== null);
    return new TimedSelection(x, group, two);
  }
}

/** Criteria for the choice between two servers. */
const METHODS: Readonly<Record<string, 'least_conn' | TimeMode>> = {
  least_conn: 'least_conn',
  'least_time=header': 'header',
  'least_time=last_byte': 'last_byte',
};
const HELP = `one of ${Object.keys(METHODS).join(', ')}`;

const module = defineModule({
  name: 'upstream_random',
  doc: 'Passes a request to a randomly selected server, taking weights into account. If several proxies share the same servers and none knows the total load, `random two` distributes it evenly.',
  directives: {
    random: {
      contexts: ['upstream'],
      takes: custom('[two [least_conn | least_time=header | least_time=last_byte]]', 0, 2, ([two, method], c) => {
        if (two !== undefined && two.text !== 'two') c.fail(two, 'invalid-value', `invalid parameter "${two.text}"`);
        if (two === undefined) return { two: null };
        if (method === undefined) return { two: 'least_conn' as const };
        const decides = Object.hasOwn(METHODS, method.text) ? METHODS[method.text] : undefined;
        if (decides === undefined)
          c.fail(method, 'invalid-value', `invalid parameter "${method.text}"`, { help: HELP });
        return { two: decides ?? ('least_conn' as const) };
      }),
      repeat: true,
      inherit: 'none',
      doc: 'Selects a server at random, taking weights into account. With `two`, it selects two servers and uses the one with fewer active connections relative to its weight (`least_conn`, the default), or with the lower product of its average response time and its active connections: `least_time=header` uses the time until the head of a response, `least_time=last_byte` the time until its end, as described under `least_time`. In nginx, `least_time` is only available in its commercial version.',
      example: 'random two least_conn;',
    },
  },
  check(block, c) {
    checkBalancingMethod('random', block, c, { backup: false });
  },
  http(_conf, http, compiler) {
    useBalancer(http, 'random', compiler, (upstream, block) => {
      // As in nginx, the parameters of any of the directives apply.
      const lines = compiler.conf(module, block).random.map(({ two }) => two);
      return new RandomChoice(upstream, lines.findLast((two) => two !== null) ?? null);
    });
  },
});
export default module;
