/** Operations on the zones of upstreams. */
import type { Operation } from './operation.js';
import { type PeerReport, PeerStates } from './peer-states.js';

export interface PeerReports {
  readonly zone: number;
  readonly reports: readonly PeerReport[];
}

/** Reports events of the peers of an upstream to its zone. */
export const reportPeers: Operation<PeerReports, null> = {
  name: 'upstream report',
  fallback: null,
  run(owner, { zone, reports }) {
    const states = owner.zone(zone, PeerStates);
    if (states !== undefined) for (const report of reports) states.report(owner, report);
    return null;
  },
};

export interface PeerReservation {
  /** Holds the connection until it is given back. */
  readonly ticket: number;
  readonly zone: number;
  readonly peer: string;
  readonly max: number;
}

/** Reserves one of the `max_conns` connections that all workers share for a peer; false if none is left. */
export const reservePeer: Operation<PeerReservation, boolean> = {
  name: 'upstream reserve',
  fallback: true,
  run(owner, { ticket, zone, peer, max }) {
    const states = owner.zone(zone, PeerStates);
    if (states === undefined) return true;
    if (!states.take(peer, max)) return false;
    owner.hold(ticket, [{ in: states, key: peer }]);
    return true;
  },
};
