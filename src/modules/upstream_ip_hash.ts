/** nginx's `ngx_http_upstream_ip_hash_module`: load balancing by a hash of the client address. */
import { none } from '../config/argument-types.js';
import { ipBytes } from '../config/cidr.js';
import { defineModule } from '../program/module.js';
import type { Session } from '../program/session.js';
import type { Balancer, Selection } from '../upstream/balancer.js';
import { checkBalancingMethod } from '../upstream/balancing-method.js';
import { useBalancer } from '../upstream/configured.js';
import type { Peer, PeerGroup } from '../upstream/peer.js';
import { type PeerSource, RoundRobinSelection } from '../upstream/round-robin.js';

/** Misses before falling back to round robin. */
const MAX_TRIES = 20;
/** Clients of a unix socket have no address; as in nginx, three zero bytes are hashed. */
const NO_ADDRESS: readonly number[] = [0, 0, 0];

/** nginx's hash of the first three bytes of an IPv4 address, or of an entire IPv6 address. */
class IpHashSelection extends RoundRobinSelection {
  private hash = 89;
  private misses = 0;
  private readonly bytes: readonly number[];

  constructor(x: Session, group: PeerGroup) {
    super(x, group);
    // Node includes the interface in a link-local address: fe80::1%eth0.
    const [address = ''] = x.remoteAddress.split('%', 1);
    const bytes = ipBytes(address) ?? NO_ADDRESS;
    this.bytes = bytes.length === 4 ? bytes.slice(0, 3) : bytes;
  }

  protected override choose(now: number): Peer | null {
    if (this.misses > MAX_TRIES || this.group.peers.length < 2) return this.roundRobin(now);
    let { hash } = this;
    do {
      for (const byte of this.bytes) hash = (hash * 113 + byte) % 6271;
      const i = this.indexByWeight(hash % this.group.totalWeight);
      if (this.available(i, now)) {
        this.hash = hash;
        return this.take(i, now);
      }
    } while (++this.misses <= MAX_TRIES);
    return this.roundRobin(now);
  }
}

/** Balancer of `ip_hash`. */
export class IpHash implements Balancer {
  readonly method = 'ip_hash';

  constructor(private readonly source: PeerSource) {}

  key(x: Session): string {
    return x.remoteAddress;
  }

  begin(x: Session): Selection {
    return new IpHashSelection(x, this.source.current());
  }
}

export default defineModule({
  name: 'upstream_ip_hash',
  doc: 'Passes requests from the same client address to the same server while it is available.',
  directives: {
    ip_hash: {
      contexts: ['upstream'],
      takes: none,
      repeat: true,
      inherit: 'none',
      doc: 'Selects the server by a hash of the client address: the first three bytes of an IPv4 address, or the entire IPv6 address. To remove a server temporarily without remapping the clients of other servers, mark it `down`.',
      example: 'ip_hash;',
    },
  },
  check(block, c) {
    checkBalancingMethod('ip_hash', block, c, { backup: false });
  },
  http(_conf, http, compiler) {
    useBalancer(http, 'ip_hash', compiler, (upstream) => new IpHash(upstream));
  },
});
