/** One `health_check` of a location: its checks of all peers of an upstream. */
import type { ErrorLog } from '../../logging/error-log.js';
import type { Health, PeerHealth } from '../../zones/health-states.js';
import type { Peer, PeerAddress } from '../peer.js';
import type { Upstream } from '../upstream.js';
import { type CheckConnection, type CheckPlan, PeerCheck } from './peer-check.js';
import type { HealthCheckData } from './settings.js';

/** Zone of the checks. */
export interface CheckZone {
  /** Counts a result; resolves to the counts, or to null if the zone does not respond. */
  count(group: CheckGroup, peer: string, passed: boolean): PeerHealth | null | Promise<PeerHealth | null>;
  forget(group: CheckGroup, peers: readonly string[]): void;
}

export class CheckGroup {
  /** States of peers that differ from the initial one, by name. */
  readonly states = new Map<string, Health>();
  private readonly runs = new Map<string, PeerRun>();
  private active = false;

  constructor(
    /** Identifies the check within the zone, also in later configurations. */
    readonly key: string,
    readonly upstream: Upstream,
    readonly data: HealthCheckData,
    readonly plan: CheckPlan,
    readonly errorLog: ErrorLog,
    readonly zone: CheckZone,
  ) {}

  /** State of a peer without results. */
  get initial(): Health {
    return this.data.mandatory ? 'checking' : 'up';
  }

  stateOf(peer: Peer): Health {
    return this.states.get(peer.name) ?? this.initial;
  }

  /** Continues with the states that the same check has in the table in force. */
  adopt(same: CheckGroup | undefined): void {
    if (same === undefined) return;
    this.states.clear();
    for (const [name, state] of same.states) this.states.set(name, state);
  }

  /** Starts or stops the checks of this process. */
  execute(active: boolean): void {
    this.active = active;
    this.peersChanged();
  }

  /** Called when the peers of the upstream have changed. */
  peersChanged(): void {
    const wanted = new Map<string, Peer>();
    if (this.active) for (const peer of allPeers(this.upstream)) if (!peer.down) wanted.set(peer.name, peer);
    const gone: string[] = [];
    for (const [name, run] of this.runs) {
      if (wanted.has(name)) continue;
      run.stop();
      this.runs.delete(name);
      if (this.active) {
        this.states.delete(name);
        gone.push(name);
      }
    }
    if (gone.length > 0) this.zone.forget(this, gone);
    for (const [name, { address }] of wanted) {
      if (this.runs.has(name)) continue;
      const run = new PeerRun(this, name, withPort(address, this.data.port));
      this.runs.set(name, run);
      run.start();
    }
  }
}

/** Peers of an upstream with its backup servers. */
export function allPeers(upstream: Upstream): readonly Peer[] {
  const { peers, backup } = upstream.current();
  return backup === null ? peers : [...peers, ...backup.peers];
}

function withPort(address: PeerAddress, port: number): PeerAddress {
  return port === 0 || 'path' in address ? address : { host: address.host, port };
}

/** Repeated checks of one peer. */
class PeerRun {
  private timer: NodeJS.Timeout | null = null;
  private check: PeerCheck | null = null;
  private connection: CheckConnection | null = null;
  private stopped = false;

  constructor(
    private readonly group: CheckGroup,
    private readonly name: string,
    private readonly address: PeerAddress,
  ) {}

  start(): void {
    this.schedule(0);
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.check?.cancel();
    this.check = null;
    this.connection?.session?.destroy();
    this.connection = null;
  }

  private schedule(delay: number): void {
    const jitter = Math.random() * this.group.data.jitter;
    // Pending checks must not prevent the process from exiting.
    this.timer = setTimeout(() => this.run(), delay + jitter).unref();
  }

  private run(): void {
    const { group, address, name } = this;
    const check = new PeerCheck(group.plan, address, name, (failure) => void this.ended(failure));
    this.check = check;
    this.connection = check.start(this.connection);
  }

  private async ended(failure: string | null): Promise<void> {
    const { group, name } = this;
    if (this.stopped) return;
    this.check = null;
    const context = `health check "${group.data.match}" of peer ${name} in upstream "${group.upstream.name}"`;
    if (failure !== null) group.errorLog.write('info', `health check failed while ${failure}, ${context}`);
    const before = group.states.get(name) ?? group.initial;
    const counts = await group.zone.count(group, name, failure === null);
    // If another check runs in the meantime, both would report the change of state.
    if (!this.stopped) this.schedule(group.data.interval);
    if (counts === null || counts.state === before) return;
    if (failure === null) group.errorLog.write('notice', `peer is healthy, ${context}`);
    else group.errorLog.write('warn', `peer is unhealthy while ${failure}, ${context}`);
  }
}
