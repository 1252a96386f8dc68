/** Peers as load balancing methods of other modules see them. */
import type { Session } from '../program/session.js';

/** A peer that is available: not down, not failed, and below its `max_conns`. */
export interface BalancerPeer {
  /** Address and port: `192.0.2.1:8080`. */
  readonly name: string;
  /** As written in `server`. */
  readonly server: string;
  readonly weight: number;
  /** Active requests and tunnels, also those of other workers if they share the upstream's state (`zone`). */
  readonly connections: number;
}

/** Returns one of the peers, or null for round robin. */
export type ChoosePeer = (x: Session, peers: readonly BalancerPeer[]) => BalancerPeer | null;
