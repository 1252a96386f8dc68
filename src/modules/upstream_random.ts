/** nginx's `ngx_http_upstream_random_module`: random load balancing, with two choices on request. */
import { custom } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import { defineModule } from '../program/module.js';
import type { Session } from '../program/session.js';
import type { Balancer, Selection } from '../upstream/balancer.js';
import { checkBalancingMethod } from '../upstream/balancing-method.js';
import { useBalancer } from '../upstream/configured.js';
import type { Peer, PeerGroup } from '../upstream/peer.js';
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
      if (first >= 0) return this.take(this.lessLoaded(first, i), now);
      first = i;
    } while (++this.misses <= MAX_TRIES);
    return this.roundRobin(now);
  }

  private lessLoaded(first: number, second: number): number {
    const a = this.peer(first);
    const b = this.peer(second);
    return b.load * a.weight > a.load * b.weight ? first : second;
  }
}

/** Balancer of `random` and `random two least_conn`. */
export class RandomChoice implements Balancer {
  readonly method: string;

  constructor(
    private readonly source: PeerSource,
    private readonly two: boolean,
  ) {
    this.method = two ? 'random two least_conn' : 'random';
  }

  begin(x: Session): Selection {
    return new RandomSelection(x, this.source.current(), this.two);
  }
}

const module = defineModule({
  name: 'upstream_random',
  doc: 'Passes a request to a randomly selected server, taking weights into account. If several proxies share the same servers and none knows the total load, `random two` distributes it evenly.',
  directives: {
    random: {
      contexts: ['upstream'],
      takes: custom('[two [least_conn]]', 0, 2, ([two, method], c) => {
        if (two !== undefined && two.text !== 'two') c.fail(two, 'invalid-value', `invalid parameter "${two.text}"`);
        if (method !== undefined && method.text !== 'least_conn') {
          const message = `invalid parameter "${method.text}"`;
          const plus = /^least_time=(?:header|last_byte)$/.test(method.text);
          if (!plus) c.fail(method, 'invalid-value', message);
          c.unsupported(method, message, { help: 'only nginx Plus has "least_time" here' });
        }
        return { two: two !== undefined };
      }),
      repeat: true,
      inherit: 'none',
      doc: 'Selects a server at random, taking weights into account. With `two`, it selects two servers and uses the one with fewer active connections relative to its weight.',
      example: 'random two least_conn;',
    },
  },
  check(block, c) {
    checkBalancingMethod('random', block, c, { backup: false });
  },
  http(_conf, http, compiler) {
    const isTwo = (block: CheckedBlock) => compiler.conf(module, block).random.some(({ two }) => two);
    useBalancer(http, 'random', compiler, (upstream, block) => new RandomChoice(upstream, isTwo(block)));
  },
});
export default module;
