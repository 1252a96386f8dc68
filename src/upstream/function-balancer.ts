/** Load balancing methods that are functions: of modules outside of this project, and of scripts. */
import type { Session } from '../program/session.js';
import type { Balancer, Selection } from './balancer.js';
import type { BalancerPeer, ChoosePeer } from './balancer-peer.js';
import type { Peer, PeerGroup } from './peer.js';
import { type PeerSource, RoundRobinSelection } from './round-robin.js';

/** Offers the available peers to a function. Failures, `max_conns`, retries and backup servers are handled here. */
class ChosenSelection extends RoundRobinSelection {
  constructor(
    x: Session,
    group: PeerGroup,
    private readonly choosePeer: ChoosePeer,
  ) {
    super(x, group);
  }

  protected override choose(now: number): Peer | null {
    if (this.group.single !== null) return this.roundRobin(now);
    do {
      const preferred = this.preferredIndex(now);
      if (preferred >= 0) return this.take(preferred, now);
      const offered: BalancerPeer[] = [];
      const indexes: number[] = [];
      for (let i = 0; i < this.group.peers.length; i++) {
        if (!this.available(i, now)) continue;
        const { name, server, weight, load } = this.peer(i);
        offered.push({ name, server, weight, connections: load });
        indexes.push(i);
      }
      if (offered.length > 0) {
        const index = indexes[offered.indexOf(this.choosePeer(this.x, offered) ?? NONE)];
        return index === undefined ? this.roundRobin(now) : this.take(index, now);
      }
    } while (this.toBackup());
    return null;
  }
}

/** Placeholder that is in no list of offered peers. */
const NONE: BalancerPeer = { name: '', server: '', weight: 0, connections: 0 };

export class FunctionBalancer implements Balancer {
  constructor(
    readonly method: string,
    private readonly source: PeerSource,
    private readonly choosePeer: ChoosePeer,
  ) {}

  begin(x: Session): Selection {
    return new ChosenSelection(x, this.source.current(), this.choosePeer);
  }
}
