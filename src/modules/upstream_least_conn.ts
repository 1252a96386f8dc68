/** nginx's `ngx_http_upstream_least_conn_module`: the server with the fewest connections. */
import { none } from '../config/argument-types.js';
import type { Exchange } from '../exchange/exchange.js';
import { defineModule } from '../exchange/module.js';
import type { Balancer, Selection } from '../upstream/balancer.js';
import { checkBalancingMethod } from '../upstream/balancing-method.js';
import { useBalancer } from '../upstream/configured.js';
import type { Peer } from '../upstream/peer.js';
import { gainWeight, type PeerSource, RoundRobinSelection } from '../upstream/round-robin.js';

/** The peer with the fewest connections for its weight; among equals, round robin. */
class LeastConnSelection extends RoundRobinSelection {
  protected override choose(now: number): Peer | null {
    do {
      if (this.group.single !== null) return this.roundRobin(now);
      const i = this.leastLoaded(now);
      if (i >= 0) return this.take(i, now);
    } while (this.toBackup());
    return null;
  }

  private leastLoaded(now: number): number {
    const { length } = this.group.peers;
    let least = -1;
    let several = false;
    for (let i = 0; i < length; i++) {
      if (!this.available(i, now)) continue;
      const order = least < 0 ? -1 : compareLoad(this.peer(i), this.peer(least));
      if (order < 0) {
        least = i;
        several = false;
      } else if (order === 0) several = true;
    }
    return several ? this.heaviestOfEquals(least, now) : least;
  }

  private heaviestOfEquals(first: number, now: number): number {
    let best = first;
    let total = 0;
    for (let i = first; i < this.group.peers.length; i++) {
      const peer = this.peer(i);
      if (compareLoad(peer, this.peer(best)) !== 0 || !this.available(i, now)) continue;
      total += gainWeight(peer);
      if (peer.currentWeight > this.peer(best).currentWeight) best = i;
    }
    this.peer(best).currentWeight -= total;
    return best;
  }
}

/** Below 0 where `a` has fewer connections for its weight than `b`. */
function compareLoad(a: Peer, b: Peer): number {
  return a.load * b.weight - b.load * a.weight;
}

/** `least_conn`. */
export class LeastConn implements Balancer {
  readonly method = 'least_conn';

  constructor(private readonly source: PeerSource) {}

  begin(x: Exchange): Selection {
    return new LeastConnSelection(x, this.source.current());
  }
}

export default defineModule({
  name: 'upstream_least_conn',
  doc: 'Passes a request to the server with the fewest connections under way, by weight. Right for requests that take very different times, WebSockets among them.',
  directives: {
    least_conn: {
      contexts: ['upstream'],
      takes: none,
      repeat: true,
      inherit: 'none',
      doc: 'Chooses the server with the fewest connections under way in proportion to its weight; among several such, by weighted round robin. Open tunnels count.',
      example: 'least_conn;',
    },
  },
  check(block, c) {
    checkBalancingMethod('least_conn', block, c, { backup: true });
  },
  http(_conf, http, compiler) {
    useBalancer(http, 'least_conn', compiler, (upstream) => new LeastConn(upstream));
  },
});
