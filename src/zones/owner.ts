/** Contents of a backend, and their users. */

import type { ZoneDeclaration } from '../config/zone-declaration.js';
import { zoneIdentity } from '../config/zone-declaration.js';
import { CacheEntries } from './cache-entries.js';
import { CacheLocks } from './cache-locks.js';
import { CachePurges } from './cache-purges.js';
import { Circuits } from './circuits.js';
import { Dictionary } from './dictionary.js';
import { HealthStates } from './health-states.js';
import { KeyCounts } from './key-counts.js';
import { KeyUsage } from './key-usage.js';
import { KeyValues } from './key-values.js';
import { MetricTotals } from './metric-totals.js';
import { PeerStates } from './peer-states.js';
import { RequestRates } from './request-rates.js';
import { ResolverCounts } from './resolver-counts.js';
import { RetryCounts } from './retry-counts.js';
import { ServerLists } from './server-lists.js';
import type { SlabUsage } from './slab.js';
import { StickySessions } from './sticky-sessions.js';
import { StoredValues } from './stored-values.js';
import { WorkerCalls } from './worker-calls.js';

/** Contents of a zone. */
export type ZoneState =
  | CacheLocks
  | CachePurges
  | ResolverCounts
  | CacheEntries
  | Circuits
  | Dictionary
  | HealthStates
  | KeyCounts
  | RequestRates
  | KeyUsage
  | KeyValues
  | MetricTotals
  | PeerStates
  | RetryCounts
  | ServerLists
  | StickySessions
  | StoredValues
  | WorkerCalls;

/** Contents whose changes are announced to the processes that have the zone open. */
type AnnouncedState = CacheEntries | CachePurges | KeyValues | PeerStates | ServerLists | WorkerCalls;

function isAnnounced(state: ZoneState): state is AnnouncedState {
  return [CacheEntries, CachePurges, KeyValues, PeerStates, ServerLists, WorkerCalls].some(
    (kind) => state instanceof kind,
  );
}

function newState({ kind, name, size }: ZoneDeclaration, clock: () => number): ZoneState {
  if (kind === 'limit_conn') return new KeyCounts(name, size);
  if (kind === 'limit_req' || kind === 'websocket_limit') return new RequestRates(name, size);
  if (kind === 'api_keys') return new KeyUsage();
  if (kind === 'ssl_session' || kind === 'ssl_ocsp') return new StoredValues(name, size);
  if (kind === 'sticky') return new StickySessions(name, size);
  if (kind === 'upstream_health') return new HealthStates();
  if (kind === 'circuits') return new Circuits();
  if (kind === 'retry_budget') return new RetryCounts();
  if (kind === 'resolver') return new ResolverCounts();
  if (kind === 'keyval') return new KeyValues(size);
  if (kind === 'js_shared_dict') return new Dictionary(size);
  if (kind === 'upstream_servers') return new ServerLists(size);
  if (kind === 'metrics') return new MetricTotals();
  if (kind === 'cache') return new CacheEntries(size);
  if (kind === 'workers') return new WorkerCalls();
  if (kind === 'cache_locks') return new CacheLocks(clock);
  if (kind === 'cache_purges') return new CachePurges(clock);
  return new PeerStates();
}

interface StoredZone {
  readonly state: ZoneState;
  /** Number of users that have it open. */
  users: number;
  /** ms at which the last user closed it. */
  unusedSince: number;
}

/** All zones of a backend, by identity. */
export class ZoneStates {
  private readonly kept = new Map<string, StoredZone>();
  /** Zones that were open only in processes that have died. */
  private readonly unused = new Set<string>();
  /** Number of processes that were started in place of others that had died. */
  respawned = 0;

  /** `linger`: ms for which such a zone is kept. */
  constructor(
    readonly clock: () => number,
    private readonly linger = 0,
  ) {}

  /** Number of zones. */
  get size(): number {
    return this.kept.size;
  }

  open(declaration: ZoneDeclaration): ZoneState {
    this.sweep();
    const identity = zoneIdentity(declaration);
    let kept = this.kept.get(identity);
    if (kept === undefined)
      this.kept.set(identity, (kept = { state: newState(declaration, this.clock), users: 0, unusedSince: 0 }));
    kept.users++;
    return kept.state;
  }

  /** `lost`: the user died, and its replacement will open the zone again. */
  close(declaration: ZoneDeclaration, lost = false): void {
    const identity = zoneIdentity(declaration);
    const kept = this.kept.get(identity);
    if (kept === undefined) return;
    kept.users--;
    if (kept.users > 0) return;
    kept.unusedSince = this.clock();
    if (lost) this.unused.add(identity);
    else this.kept.delete(identity);
  }

  private sweep(): void {
    const now = this.clock();
    for (const identity of this.unused) {
      const kept = this.kept.get(identity);
      const isOver = kept?.users === 0 && now - kept.unusedSince > this.linger;
      if (isOver) this.kept.delete(identity);
      if (isOver || kept?.users !== 0) this.unused.delete(identity);
    }
  }
}

/** A count or a claim that is held for a time. */
export interface Held {
  readonly in: { give(key: string): void };
  readonly key: string;
}

/** A user of zones: a worker, or this process. Everything that it holds is given back when it ends. */
export class ZoneOwner {
  private readonly open = new Map<number, { readonly state: ZoneState; readonly declaration: ZoneDeclaration }>();
  private readonly held = new Map<number, readonly Held[]>();

  constructor(
    private readonly states: ZoneStates,
    /** Sends the owner an unsolicited update as plain data. */
    readonly notify: (zone: number, news: unknown) => void,
  ) {}

  /** Whole ms on the backend's clock. */
  get now(): number {
    return this.states.clock();
  }

  /** Number of tickets that hold counts. */
  get tickets(): number {
    return this.held.size;
  }

  /** Opening a zone again has no effect: a question that could not wait may have opened it already. */
  openZone(id: number, declaration: ZoneDeclaration): void {
    if (this.open.has(id)) return;
    const state = this.states.open(declaration);
    this.open.set(id, { state, declaration });
    if (state instanceof Circuits || state instanceof RetryCounts) state.watch(this, id, this.now);
    if (isAnnounced(state)) state.watch(this, id);
  }

  closeZone(id: number, lost = false): void {
    const opened = this.open.get(id);
    if (opened === undefined) return;
    this.open.delete(id);
    const { state } = opened;
    if (isAnnounced(state) || state instanceof Circuits || state instanceof RetryCounts) state.unwatch(this, id);
    if (state instanceof HealthStates) state.leave(this, id);
    this.states.close(opened.declaration, lost);
  }

  /** Contents of an open zone; undefined if it is not open or of another kind. */
  zone<S extends ZoneState>(id: number, kind: new (...args: never[]) => S): S | undefined {
    const state = this.open.get(id)?.state;
    return state instanceof kind ? state : undefined;
  }

  /** Number of processes that were started in place of others that had died; `reset` starts counting again. */
  respawned(reset: boolean): number {
    const { respawned } = this.states;
    if (reset) this.states.respawned = 0;
    return respawned;
  }

  /** Memory of an open zone; null if it is not limited. */
  memory(id: number): SlabUsage | null {
    const state = this.open.get(id)?.state;
    return state !== undefined && 'slab' in state ? state.slab.usage() : null;
  }

  /** Records what a ticket holds; the number was chosen by its user and may already be in use. */
  hold(ticket: number, held: readonly Held[]): void {
    if (held.length > 0) this.held.set(ticket, [...(this.held.get(ticket) ?? []), ...held]);
  }

  /** Counts held by a ticket. */
  heldBy(ticket: number): readonly Held[] {
    return this.held.get(ticket) ?? [];
  }

  /** Counts that tickets hold in a zone. */
  heldIn(state: ZoneState): { readonly ticket: number; readonly key: string }[] {
    return [...this.held].flatMap(([ticket, held]) =>
      held.filter((each) => each.in === state).map(({ key }) => ({ ticket, key })),
    );
  }

  /** Open zones, each once. */
  zones(): ReadonlyMap<ZoneState, ZoneDeclaration> {
    return new Map([...this.open.values()].map(({ state, declaration }) => [state, declaration]));
  }

  /** Gives back what the ticket holds, if anything. */
  giveBack(ticket: number): void {
    const held = this.held.get(ticket);
    if (held === undefined) return;
    this.held.delete(ticket);
    for (const each of held) each.in.give(each.key);
  }

  /** The owner is gone. */
  end(): void {
    for (const ticket of [...this.held.keys()]) this.giveBack(ticket);
    for (const id of [...this.open.keys()]) this.closeZone(id, true);
  }
}
