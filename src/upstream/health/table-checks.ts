/**
 * Health checks of a table. One worker, chosen by the zone, executes them for all; the others receive changes of states. Checks
 * start when the table is in force, and stop when another table replaces it.
 */
import type { ErrorLog } from '../../logging/error-log.js';
import type { Compiler, Enforceable } from '../../program/module.js';
import { countHealth, forgetHealth, joinHealth, leaveHealth, readHealth } from '../../zones/health-operations.js';
import type { Health, HealthNews, PeerHealth } from '../../zones/health-states.js';
import type { Zone, ZoneBackend } from '../../zones/zone.js';
import type { Upstream } from '../upstream.js';
import { allPeers, CheckGroup, type CheckZone } from './group.js';
import type { CheckPlan } from './peer-check.js';
import type { HealthCheckData } from './settings.js';

/** A check to be added. */
export interface NewCheck {
  readonly upstream: Upstream;
  /** Name of the upstream's zone; empty for none. */
  readonly zone: string;
  readonly data: HealthCheckData;
  readonly plan: CheckPlan;
  readonly errorLog: ErrorLog;
}

const KEY = 'health checks';

/** Returns the checks of the table being compiled. */
export function tableChecks(compiler: Compiler): TableChecks {
  return (
    compiler.shared.get<TableChecks>(KEY) ??
    compiler.shared.set(KEY, new TableChecks(compiler.zones, compiler.previous?.get(KEY)))
  );
}

export class TableChecks implements Enforceable {
  private readonly zones = new Map<string, ZoneChecks>();

  constructor(
    private readonly backend: ZoneBackend,
    /** Checks of the table that is in force; dropped with it. */
    private previous: TableChecks | undefined,
  ) {}

  /** Adds a check; settles when the results of earlier tables are known. */
  async add(check: NewCheck): Promise<void> {
    // A single process needs no zone to share the state; workers share this default one.
    const name = check.zone === '' ? `upstream ${check.upstream.name}` : check.zone;
    let checks = this.zones.get(name);
    if (checks === undefined) this.zones.set(name, (checks = new ZoneChecks(name, this.backend)));
    checks.add(check);
    await checks.read();
  }

  enforced(generation: number): void {
    for (const [name, zone] of this.zones) zone.enforced(generation, this.previous?.zones.get(name));
    this.previous = undefined;
  }

  superseded(): void {
    for (const zone of this.zones.values()) zone.superseded();
  }

  close(): void {
    this.superseded();
    for (const zone of this.zones.values()) zone.close();
  }
}

/** Checks whose results are kept in one zone. */
class ZoneChecks implements CheckZone {
  private readonly groups = new Map<string, CheckGroup>();
  private readonly zone: Zone;
  private isInForce = false;
  private isLeader = false;
  /** Whether the results to continue with are known. */
  private isReady = false;
  private known: Promise<void> | null = null;

  constructor(
    name: string,
    private readonly backend: ZoneBackend,
  ) {
    const declaration = { kind: 'upstream_health', name, size: 0, key: '' } as const;
    this.zone = backend.open(declaration, (news) => this.receive(news as HealthNews)); // of this kind of zone
  }

  add({ upstream, data, plan, errorLog }: NewCheck): void {
    const { type, uri, port, match } = data;
    // The same check of several locations may differ in fields and TLS.
    let key = '';
    for (let i = 0; key === '' || this.groups.has(key); i++) {
      key = JSON.stringify([upstream.name, type, uri, port, match, i]);
    }
    this.groups.set(key, new CheckGroup(key, upstream, data, plan, errorLog, this));
  }

  /** Reads the results of earlier tables, so that a new worker knows them before its first request. */
  read(): Promise<void> {
    this.known ??= Promise.resolve(this.backend.ask(readHealth, { zone: this.zone.id })).then((results) =>
      this.store(results ?? []),
    );
    return this.known;
  }

  /** `previous`: the checks of the zone in the table that was in force. */
  enforced(generation: number, previous: ZoneChecks | undefined): void {
    this.isInForce = true;
    // States may have changed since they were read from the zone.
    if (previous !== undefined) for (const group of this.groups.values()) group.adopt(previous.groups.get(group.key));
    for (const upstream of this.upstreams()) {
      upstream.health = { peersChanged: () => this.peersChanged(upstream), results: () => this.results(upstream) };
      this.apply(upstream);
    }
    const checks = [...this.groups.values()].map(({ key, data }) => ({ key, persistent: data.persistent }));
    const answer = this.backend.ask(joinHealth, { zone: this.zone.id, generation, checks });
    if (answer instanceof Promise) void answer.then((results) => this.joined(results));
    else this.joined(answer);
  }

  /** `results` null: the zone does not respond, and this process executes the checks as well. */
  private joined(results: readonly PeerHealth[] | null): void {
    if (!this.isInForce) return;
    if (results === null) this.isLeader = true;
    else {
      for (const group of this.groups.values()) group.states.clear();
      this.store(results);
    }
    this.isReady = true;
    for (const upstream of this.upstreams()) this.apply(upstream);
    this.execute();
  }

  /** The peers keep their states: this table may still have requests. The upstreams of the next table reset them. */
  superseded(): void {
    if (!this.isInForce) return;
    this.isInForce = false;
    this.isLeader = false;
    this.execute();
    for (const upstream of this.upstreams()) upstream.health = null;
    this.backend.tell(leaveHealth, { zone: this.zone.id });
  }

  close(): void {
    this.zone.close();
  }

  count(group: CheckGroup, peer: string, passed: boolean): PeerHealth | null | Promise<PeerHealth | null> {
    const { key, data, initial } = group;
    const { fails, passes } = data;
    const result = { check: key, peer, passed, fails, passes, initial, time: Date.now() };
    return this.backend.ask(countHealth, { zone: this.zone.id, ...result });
  }

  forget({ key }: CheckGroup, peers: readonly string[]): void {
    this.backend.tell(forgetHealth, { zone: this.zone.id, check: key, peers });
  }

  private receive(news: HealthNews): void {
    if (!this.isInForce) return;
    if ('isLeader' in news) {
      this.isLeader = news.isLeader;
      this.execute();
      return;
    }
    const group = this.groups.get(news.check);
    if (group === undefined) return;
    group.states.set(news.peer, news.state);
    this.apply(group.upstream);
  }

  /** Results of the checks of an upstream; empty if the zone does not respond. */
  private async results(upstream: Upstream): Promise<readonly PeerHealth[]> {
    const all = (await this.backend.ask(readHealth, { zone: this.zone.id })) ?? [];
    return all.filter(({ check }) => this.groups.get(check)?.upstream === upstream);
  }

  private execute(): void {
    const active = this.isReady && this.isInForce && this.isLeader;
    for (const group of this.groups.values()) group.execute(active);
  }

  private store(results: readonly PeerHealth[]): void {
    for (const { check, peer, state } of results) this.groups.get(check)?.states.set(peer, state);
  }

  private upstreams(): ReadonlySet<Upstream> {
    return new Set([...this.groups.values()].map(({ upstream }) => upstream));
  }

  private peersChanged(upstream: Upstream): void {
    this.apply(upstream);
    for (const group of this.groups.values()) if (group.upstream === upstream) group.peersChanged();
  }

  /** Sets the states of the peers: the worst of all checks. */
  private apply(upstream: Upstream): void {
    const groups = [...this.groups.values()].filter((group) => group.upstream === upstream);
    for (const peer of allPeers(upstream)) {
      const states = new Set<Health>(groups.map((group) => group.stateOf(peer)));
      peer.setHealth(states.has('unhealthy') ? 'unhealthy' : states.has('checking') ? 'checking' : 'up', Date.now());
    }
  }
}
