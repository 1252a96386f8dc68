/** Outlier ejection: peers that fail more often than allowed get no requests for a time, as long as enough others are left. */
import type { ErrorLog } from '../logging/error-log.js';
import type { CircuitAnswer, CircuitNews, CircuitRules } from '../zones/circuits.js';
import type { ZoneBackend } from '../zones/zone.js';
import { type CircuitObserver, CircuitUser } from './circuit-user.js';
import type { Peer, PeerGroup } from './peer.js';

/** Parameters of `outlier_ejection`. Plain data. */
export interface EjectionSettings {
  readonly rules: CircuitRules;
  /** Share of the peers that may be ejected at once, 0 to 1. */
  readonly max: number;
}

/** The upstream whose peers are observed. */
interface Ejectable {
  readonly name: string;
  current(): PeerGroup;
}

export class OutlierEjection implements CircuitObserver {
  readonly circuits: CircuitUser;
  private rules: CircuitRules;

  constructor(
    private readonly upstream: Ejectable,
    private readonly settings: EjectionSettings,
    backend: ZoneBackend,
    private readonly errorLog: ErrorLog,
  ) {
    this.circuits = new CircuitUser(backend, this);
    this.rules = settings.rules;
  }

  /** Counts an attempt with a peer. `status`: that of the response, or 0. */
  attemptEnded(peer: Peer, failed: boolean, status: number): void {
    // Neither a failure nor a response: the client has disconnected.
    if (!failed && status === 0) return;
    const { peers, backup } = this.upstream.current();
    const maxOpen = Math.floor(this.settings.max * (peers.length + (backup?.peers.length ?? 0)));
    if (this.rules.maxOpen !== maxOpen) this.rules = { ...this.settings.rules, maxOpen };
    // The ejection has ended, which is logged.
    if (peer.ejectedUntil !== 0 && peer.ejectedUntil <= Date.now()) this.circuits.refresh(peer.name, this.rules);
    this.circuits.report(peer.name, this.rules, 1, failed || status >= 500 ? 1 : 0, 0);
  }

  circuitIs({ key, state, left }: CircuitNews): void {
    const until = state === 'open' ? Date.now() + left : 0;
    const { peers, backup } = this.upstream.current();
    for (const peer of peers) if (peer.name === key) peer.eject(until);
    for (const peer of backup?.peers ?? []) if (peer.name === key) peer.eject(until);
  }

  circuitChanged({ key, state, events, failures, left }: CircuitAnswer): void {
    const server = `upstream server ${key} of "${this.upstream.name}"`;
    if (state !== 'open') {
      this.errorLog.write('notice', `${server} is no longer ejected`);
      return;
    }
    const { ratio, window } = this.settings.rules;
    const of = ratio > 0 ? ` of ${events}` : '';
    const cause = `${failures}${of} requests failed within ${window} ms`;
    this.errorLog.write('warn', `${server} ejected for ${Math.round(left)} ms: ${cause}`);
  }
}
