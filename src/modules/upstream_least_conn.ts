/** nginx's `ngx_http_upstream_least_conn_module`: load balancing by the number of connections. */
import { none } from '../config/argument-types.js';
import { defineModule } from '../program/module.js';
import type { Session } from '../program/session.js';
import type { Balancer, Selection } from '../upstream/balancer.js';
import { checkBalancingMethod } from '../upstream/balancing-method.js';
import { useBalancer } from '../upstream/configured.js';
import type { Peer } from '../upstream/peer.js';
import { type PeerSource, RoundRobinSelection } from '../upstream/round-robin.js';

/** Selects the peer with the fewest connections relative to its weight; ties are resolved by weighted round robin. */
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
    const preferred = this.preferredIndex(now);
    if (preferred >= 0) return preferred;
    const { length } = this.group.peers;
    let least = -1;
    let tied = false;
    for (let i = 0; i < length; i++) {
      if (!this.available(i, now)) continue;
      const order = least < 0 ? -1 : compareLoad(this.peer(i), this.peer(least), now);
      if (order < 0) {
        least = i;
        tied = false;
      } else if (order === 0) tied = true;
    }
    if (!tied) return least;
    const first = this.peer(least);
    return this.roundRobinAmong(least, now, (peer) => compareLoad(peer, first, now) === 0);
  }
}

/** Compares connections relative to weight; below 0 if `a` has fewer. */
function compareLoad(a: Peer, b: Peer, now: number): number {
  return a.load * b.weightAt(now) - b.load * a.weightAt(now);
}

/** Balancer of `least_conn`. */
export class LeastConn implements Balancer {
  readonly method = 'least_conn';

  constructor(private readonly source: PeerSource) {}

  begin(x: Session): Selection {
    return new LeastConnSelection(x, this.source.current());
  }
}

export default defineModule({
  name: 'upstream_least_conn',
  doc: 'Passes a request to the server with the fewest active connections relative to its weight. Suitable for requests of very different duration, such as WebSockets.',
  directives: {
    least_conn: {
      contexts: ['upstream'],
      takes: none,
      repeat: true,
      inherit: 'none',
      doc: 'Selects the server with the fewest active connections relative to its weight; ties are resolved by weighted round robin. Open tunnels count.',
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
