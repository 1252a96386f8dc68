/** One address of an upstream, with what is remembered of it. */
import { formatAddress } from '../config/address.js';

/** Where to connect to. */
export type PeerAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** The parameters of `server` in an `upstream` block. Plain data. */
export interface PeerSettings {
  readonly weight: number;
  /** Connections at a time; 0: any number. */
  readonly maxConns: number;
  /** Failures within `failTimeout` after which the peer rests; 0: they are not counted. */
  readonly maxFails: number;
  /** ms: the time within which failures count, and for which the peer then rests. */
  readonly failTimeout: number;
  /** `down`, or `drain`: no new requests, save those that are bound to it. */
  readonly down: false | 'down' | 'drain';
  readonly backup: boolean;
  /** `route=`: what a client's binding calls it; empty for none. */
  readonly route: string;
}

/** What holds where a parameter is not given, and for upstreams that are not declared (`proxy_pass http://host`). */
export const DEFAULT_PEER: PeerSettings = {
  weight: 1,
  maxConns: 0,
  maxFails: 1,
  failTimeout: 10_000,
  down: false,
  backup: false,
  route: '',
};

/** A place among the `max_conns` of a peer that all workers have together. */
export interface Reservation {
  readonly granted: Promise<boolean>;
  /** Gives it back, whether it was granted or not. */
  release(): void;
}

/** Tells the other workers what happens to a peer (`zone`). */
export interface PeerSharing {
  /** Its connections are more or fewer. */
  changed(peer: Peer): void;
  failed(peer: Peer): void;
  /** Its failures are forgotten. */
  recovered(peer: Peer): void;
  reserve(peer: Peer): Reservation;
}

/** The state is shared by all requests, and lives on over a reload where the server's line is unchanged. */
export class Peer {
  /** `$upstream_addr`: `127.0.0.1:80`, `[::1]:80`, `unix:/path`. */
  readonly name: string;
  readonly weight: number;
  readonly maxConns: number;
  readonly maxFails: number;
  readonly failTimeout: number;
  /** Gets no requests (`down`, `drain`). */
  readonly down: boolean;
  /** Sinks with failures, and recovers by one at each choice. */
  effectiveWeight: number;
  currentWeight = 0;
  /** Requests and tunnels under way, in this process. */
  conns = 0;
  /** Those of other workers, as far as they have been heard of. */
  others = 0;
  /** Where there are other workers that share the state. */
  sharing: PeerSharing | null = null;
  /** Failures since the last success. */
  fails = 0;
  /** ms since 1970 of the last failure. */
  accessed = 0;
  /** ms since 1970 of the beginning of the present period of `failTimeout`. */
  checked = 0;

  constructor(
    readonly address: PeerAddress,
    readonly settings: PeerSettings,
    /** The address as written in `server`: the consistent hash depends on it. Empty where none is written. */
    readonly server: string,
  ) {
    this.name = formatAddress(address);
    this.weight = settings.weight;
    this.maxConns = settings.maxConns;
    this.maxFails = settings.maxFails;
    this.failTimeout = settings.failTimeout;
    this.down = settings.down !== false;
    this.effectiveWeight = settings.weight;
  }

  /** Requests and tunnels under way, wherever. */
  get load(): number {
    return this.conns + this.others;
  }

  /** `max_conns` is reached. */
  get full(): boolean {
    return this.maxConns > 0 && this.load >= this.maxConns;
  }

  /** There are no other workers (any more) that share the state. */
  unshare(): void {
    this.sharing = null;
    this.others = 0;
  }

  /** A request or a tunnel begins. */
  begin(): void {
    this.conns++;
    this.sharing?.changed(this);
  }

  /** A request or a tunnel has ended. */
  end(): void {
    this.conns--;
    this.sharing?.changed(this);
  }

  /** May be given a request; `now` in ms since 1970. */
  usable(now: number): boolean {
    if (this.down) return false;
    if (this.maxFails > 0 && this.fails >= this.maxFails && now - this.checked <= this.failTimeout) return false;
    return !this.full;
  }

  /** Begins a new period in which failures are counted, where the last one is over. */
  beginPeriod(now: number): void {
    if (now - this.checked > this.failTimeout) this.checked = now;
  }

  /** Counts a failure; true where the peer is to rest now. */
  failed(now: number): boolean {
    this.fails++;
    this.accessed = now;
    this.checked = now;
    this.sharing?.failed(this);
    if (this.maxFails === 0) return false;
    this.lowerWeight();
    return this.fails >= this.maxFails;
  }

  /** Takes over what all workers know of its failures. */
  applyRemoteState(fails: number, accessed: number, checked: number): void {
    if (this.maxFails > 0) for (let i = this.fails; i < fails; i++) this.lowerWeight();
    this.fails = fails;
    this.accessed = accessed;
    this.checked = Math.max(this.checked, checked);
  }

  private lowerWeight(): void {
    this.effectiveWeight = Math.max(0, this.effectiveWeight - Math.trunc(this.weight / this.maxFails));
  }

  /** Counts a success: failures are forgotten where it is the first since a new period began. */
  succeeded(): void {
    if (this.fails === 0 || this.accessed >= this.checked) return;
    this.fails = 0;
    this.sharing?.recovered(this);
  }
}

/** The peers of one rank, in the order written, and those that stand in for them. Never changes; a new one takes its place. */
export class PeerGroup {
  readonly totalWeight: number;
  /** Peers that are not down: how often a request may try. */
  readonly tries: number;
  /** The only peer there is, which is used whatever its failures; null where there are others. */
  readonly single: Peer | null;

  constructor(
    readonly peers: readonly Peer[],
    /** The backup servers; null where there are none. */
    readonly backup: PeerGroup | null,
    rank: 'primary' | 'backup' = 'primary',
  ) {
    this.totalWeight = peers.reduce((sum, peer) => sum + peer.weight, 0);
    this.tries = peers.filter((peer) => !peer.down).length;
    this.single = (rank === 'primary' && backup === null && peers.length === 1 && peers[0]) || null;
  }
}
