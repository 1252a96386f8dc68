/** A peer: one address of an upstream, with its state. */
import { createHash } from 'node:crypto';
import { formatAddress } from '../config/address.js';
import type { Health } from '../zones/health-states.js';
import type { AttemptRecorder } from './attempt-recorder.js';
import { Downtime } from './downtime.js';
import { PeerCounters } from './peer-counters.js';
import type { PeerTimes, TimeSharing } from './peer-times.js';

/** Address to connect to. */
export type PeerAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Parameters of `server` in an `upstream` block. Plain data. */
export interface PeerSettings {
  readonly weight: number;
  /** Maximum number of simultaneous connections; 0: unlimited. */
  readonly maxConns: number;
  /** Failures within `failTimeout` after which the peer is unavailable; 0: failures are not counted. */
  readonly maxFails: number;
  /** Period in which failures are counted, and for which the peer is then unavailable, ms. */
  readonly failTimeout: number;
  /** Time in which the weight grows from zero to its value after a failure, ms; 0: immediately. */
  readonly slowStart: number;
  /** `down`, or `drain`: no new requests, except requests bound to it. */
  readonly down: false | 'down' | 'drain';
  readonly backup: boolean;
  /** `route=`: identifier in a client's session binding; empty for none. */
  readonly route: string;
}

/** Defaults, also for upstreams without a declaration (`proxy_pass http://host`). */
export const DEFAULT_PEER: PeerSettings = {
  weight: 1,
  maxConns: 0,
  maxFails: 1,
  failTimeout: 10_000,
  slowStart: 0,
  down: false,
  backup: false,
  route: '',
};

/** Maximum delay of setTimeout, ms. */
const MAX_DELAY = 2 ** 31 - 1;

/** Slot of a peer's `max_conns`, which all workers share. */
export interface Reservation {
  readonly granted: Promise<boolean>;
  /** Releases the slot, whether granted or not. */
  release(): void;
}

/** Reports changes of a peer to the other workers (`zone`). */
export interface PeerSharing extends TimeSharing {
  /** The number of its connections has changed. */
  changed(peer: Peer): void;
  failed(peer: Peer): void;
  /** Its failures were reset. */
  recovered(peer: Peer): void;
  reserve(peer: Peer): Reservation;
}

/** Notified of events of the peers of an upstream. */
export interface PeerObserver {
  /** Called when a request or tunnel has ended, in this or another worker, so that one more may begin. */
  freed(): void;
  /** Called when a peer is available again. */
  recovered(): void;
}

/** State shared by all requests; survives a reload if the `server` line is unchanged. */
export class Peer {
  /** `$upstream_addr`: `127.0.0.1:80`, `[::1]:80`, `unix:/path`. */
  readonly name: string;
  weight = 0;
  maxConns = 0;
  maxFails = 0;
  failTimeout = 0;
  /** Whether it gets no requests (`down`, `drain`). */
  down = false;
  /** Lowered by failures; recovers by one at each selection. */
  effectiveWeight = 0;
  currentWeight = 0;
  /** Active requests and tunnels in this process. */
  conns = 0;
  /** Active requests and tunnels of other workers, as last reported. */
  others = 0;
  /** Set if other workers share the state. */
  sharing: PeerSharing | null = null;
  /** Observer of the upstream that uses the peer. */
  observer: PeerObserver | null = null;
  /** Start of `slowStart`, ms since 1970; 0: the peer has its full weight. */
  recoveredAt = 0;
  /** Response times; null if no method needs them. */
  times: PeerTimes | null = null;
  /** Figures for the API; null if there is none. */
  counters: PeerCounters | null = null;
  /** Times in which it was unavailable; null: there were none. */
  downtime: Downtime | null = null;
  /** Null if the configuration has no metrics. */
  recorder: AttemptRecorder | null = null;
  /** State according to active health checks; set by `setHealth`. */
  health: Health = 'up';
  /** Failures since the last success. */
  fails = 0;
  /** Time of the last failure, ms since 1970. */
  accessed = 0;
  /** Start of the current `failTimeout` period, ms since 1970. */
  checked = 0;
  /** Time until which the peer gets no requests (`outlier_ejection`), ms since 1970. */
  ejectedUntil = 0;
  private ejection: NodeJS.Timeout | null = null;
  private identifier = '';
  /** Requests that this process has passed to the peer, and the number of them that failed. */
  requests = 0;
  failures = 0;

  constructor(
    readonly address: PeerAddress,
    public settings: PeerSettings,
    /** The address as written in `server`, used by the consistent hash. Empty if not from a `server` line. */
    readonly server: string,
  ) {
    this.name = formatAddress(address);
    this.applySettings(settings);
  }

  /** Identifier in bindings of clients (`sticky`): `route=`, or the MD5 of the address in hexadecimal digits, as in nginx. */
  get id(): string {
    if (this.identifier === '') this.identifier = createHash('md5').update(this.name, 'latin1').digest('hex');
    return this.identifier;
  }

  /** Active requests and tunnels of all workers. */
  get load(): number {
    return this.conns + this.others;
  }

  /** Whether `max_conns` is reached. */
  get full(): boolean {
    return this.maxConns > 0 && this.load >= this.maxConns;
  }

  /** Stops sharing the state with other workers. */
  unshare(): void {
    this.sharing = null;
    this.others = 0;
  }

  /** Changes the parameters. Groups that contain it are created again by the caller. */
  configure(settings: PeerSettings): void {
    const wasDown = this.down;
    this.settings = settings;
    this.applySettings(settings);
    if (wasDown && !this.down) this.recovered(Date.now());
  }

  private applySettings(settings: PeerSettings): void {
    this.weight = settings.weight;
    this.maxConns = settings.maxConns;
    this.maxFails = settings.maxFails;
    this.failTimeout = settings.failTimeout;
    this.down = settings.down !== false;
    this.effectiveWeight = settings.weight;
    this.identifier = settings.route;
  }

  /** Counts the start of a request or tunnel. */
  begin(): void {
    this.conns++;
    this.sharing?.changed(this);
  }

  /** Counts the end of a request or tunnel. */
  end(): void {
    this.conns--;
    this.sharing?.changed(this);
    this.observer?.freed();
  }

  /** Whether the peer is available; `now` in ms since 1970. */
  usable(now: number): boolean {
    return !this.down && this.accepts(now);
  }

  /** Whether the peer is available to clients that are bound to it: `drain` does not exclude them. `now` in ms since 1970. */
  usableIfBound(now: number): boolean {
    return this.settings.down !== 'down' && this.accepts(now);
  }

  private accepts(now: number): boolean {
    if (this.health !== 'up') return false;
    if (now < this.ejectedUntil) return false;
    if (this.maxFails > 0 && this.fails >= this.maxFails && now - this.checked <= this.failTimeout) return false;
    return !this.full;
  }

  /** Begins a new period for counting failures if the last one is over. */
  beginPeriod(now: number): void {
    if (now - this.checked > this.failTimeout) this.checked = now;
  }

  /** Counts a failure; returns true if the peer becomes unavailable. */
  failed(now: number): boolean {
    this.fails++;
    this.failures++;
    this.recorder?.failed();
    this.accessed = now;
    this.checked = now;
    this.sharing?.failed(this);
    if (this.maxFails === 0) return false;
    this.lowerWeight();
    if (!this.failing) return false;
    this.downtimes().failed(now, now + this.failTimeout);
    return true;
  }

  /** Called when the peer is available again, after failures or a health check: starts `slowStart`. `now` in ms since 1970. */
  recovered(now: number): void {
    if (this.health === 'up') this.downtime?.end(now);
    if (this.settings.slowStart > 0) this.recoveredAt = now;
    this.observer?.recovered();
  }

  /** Excludes the peer until that time, ms since 1970, when `recovered` is called; a time that has passed ends its exclusion. */
  eject(until: number): void {
    const left = until - Date.now();
    const pending = this.ejection;
    if (left > 0) {
      if (pending !== null && until === this.ejectedUntil) return;
      this.ejectedUntil = until;
      this.downtimes().failed(until - left, until);
      if (pending !== null) clearTimeout(pending);
      this.ejection = endLater(new WeakRef(this), left);
      return;
    }
    this.ejectedUntil = 0;
    if (pending !== null) this.ejectionEnded();
  }

  /** Called when its exclusion has ended. */
  ejectionEnded(): void {
    const now = Date.now();
    if (this.ejection !== null) clearTimeout(this.ejection);
    this.ejection = null;
    if (this.ejectedUntil > now) this.ejectedUntil = now;
    this.recovered(now);
  }

  /** Sets the state according to active health checks. `now` in ms since 1970. */
  setHealth(health: Health, now: number): void {
    const before = this.health;
    this.health = health;
    if (health !== 'up') this.downtimes().begin(now, Number.POSITIVE_INFINITY);
    else if (before !== 'up') this.recovered(now);
  }

  /** Starts to count figures for the API. */
  count(): void {
    this.counters ??= new PeerCounters();
  }

  /** Resets the figures. */
  resetCounters(): void {
    this.requests = 0;
    this.failures = 0;
    if (this.counters === null) return;
    this.counters = new PeerCounters();
    this.downtime = null;
    if (this.health !== 'up') this.downtimes().begin(Date.now(), Number.POSITIVE_INFINITY);
  }

  private downtimes(): Downtime {
    this.downtime ??= new Downtime();
    return this.downtime;
  }

  /** Effective share of the weight: below 1 during `slowStart`; `now` in ms since 1970. */
  weightShare(now: number): number {
    if (this.recoveredAt === 0) return 1;
    const elapsed = now - this.recoveredAt;
    if (elapsed >= 0 && elapsed < this.settings.slowStart) return elapsed / this.settings.slowStart;
    this.recoveredAt = 0;
    return 1;
  }

  /** The weight at this time; `now` in ms since 1970. */
  weightAt(now: number): number {
    return this.recoveredAt === 0 ? this.weight : this.weight * this.weightShare(now);
  }

  /** Whether `max_fails` is reached. */
  private get failing(): boolean {
    return this.maxFails > 0 && this.fails >= this.maxFails;
  }

  /** Applies the failure state of all workers. */
  applyRemoteState(fails: number, accessed: number, checked: number): void {
    const wasFailing = this.failing;
    if (this.maxFails > 0) for (let i = this.fails; i < fails; i++) this.lowerWeight();
    this.fails = fails;
    this.accessed = accessed;
    this.checked = Math.max(this.checked, checked);
    if (wasFailing && !this.failing) this.recovered(Date.now());
    else if (this.failing) this.downtimes().failed(checked, checked + this.failTimeout);
  }

  private lowerWeight(): void {
    this.effectiveWeight = Math.max(0, this.effectiveWeight - Math.trunc(this.weight / this.maxFails));
  }

  /** Counts a success: resets failures if it is the first in a new period. */
  succeeded(): void {
    if (this.fails === 0 || this.accessed >= this.checked) return;
    const wasFailing = this.failing;
    this.fails = 0;
    this.sharing?.recovered(this);
    if (wasFailing) this.recovered(Date.now());
  }
}

/** Ends an ejection. The timer holds the peer weakly, so that it does not keep a replaced configuration alive. */
function endLater(peer: WeakRef<Peer>, ms: number): NodeJS.Timeout {
  return setTimeout(() => peer.deref()?.ejectionEnded(), Math.min(ms, MAX_DELAY)).unref();
}

/** Peers of one rank, in configuration order, and their backup servers. Immutable; changes create a new group. */
export class PeerGroup {
  /** The peers and the backup servers. */
  readonly all: readonly Peer[];
  readonly totalWeight: number;
  /** Number of peers that are not down: the maximum number of attempts. */
  readonly tries: number;
  /** The only peer, which is used regardless of failures; null if there are several. */
  readonly single: Peer | null;

  constructor(
    readonly peers: readonly Peer[],
    /** Backup servers; null if there are none. */
    readonly backup: PeerGroup | null,
    rank: 'primary' | 'backup' = 'primary',
  ) {
    this.all = backup === null ? peers : [...peers, ...backup.peers];
    this.totalWeight = peers.reduce((sum, peer) => sum + peer.weight, 0);
    this.tries = peers.filter((peer) => !peer.down).length;
    this.single = (rank === 'primary' && backup === null && peers.length === 1 && peers[0]) || null;
  }
}
