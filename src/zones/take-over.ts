/** Transfers the contents of a zone from one backend to another. */
import { CacheLocks, type LockSnapshot } from './cache-locks.js';
import { CachePurges, type Purge } from './cache-purges.js';
import { type CircuitSnapshot, Circuits } from './circuits.js';
import { Dictionary, type DictionaryEntry } from './dictionary.js';
import { HealthStates, type PeerHealth } from './health-states.js';
import { KeyCounts } from './key-counts.js';
import { KeyUsage, type UsageSnapshot } from './key-usage.js';
import { type KeyValue, KeyValues } from './key-values.js';
import { type MetricTotal, MetricTotals } from './metric-totals.js';
import type { Operation } from './operation.js';
import type { ZoneOwner, ZoneState } from './owner.js';
import { type RateSnapshot, RequestRates } from './request-rates.js';
import { ResolverCounts, type ResolverStatistics } from './resolver-counts.js';
import { RetryCounts, type RetrySnapshot } from './retry-counts.js';
import { type ServerListState, ServerLists } from './server-lists.js';
import { type SessionSnapshot, StickySessions } from './sticky-sessions.js';
import { StoredValues, type ValueSnapshot } from './stored-values.js';

export interface ZoneContents {
  readonly zone: number;
  /** Counts in use, by the tickets that hold them. */
  readonly held: readonly { readonly ticket: number; readonly key: string }[];
  readonly rates: readonly RateSnapshot[];
  readonly usage: readonly UsageSnapshot[];
  readonly values: readonly ValueSnapshot[];
  readonly sessions: readonly SessionSnapshot[];
  readonly health: readonly PeerHealth[];
  readonly circuits: readonly CircuitSnapshot[];
  /** Null for a zone of another kind, or without counts. */
  readonly retries: RetrySnapshot | null;
  /** Null for a zone of another kind. */
  readonly resolutions: ResolverStatistics | null;
  readonly keyValues: readonly KeyValue[];
  readonly dictionary: readonly DictionaryEntry[];
  readonly servers: ServerListState | null;
  readonly metrics: readonly MetricTotal[];
  /** Locks of cache entries. Requests that wait for them continue to wait in the earlier backend. */
  readonly locks: readonly LockSnapshot[];
  readonly purges: readonly Purge[];
}

/** Contents of an owner's zone; the owner continues to hold them. */
export function contentsOf(owner: ZoneOwner, state: ZoneState): Omit<ZoneContents, 'zone'> {
  const held = owner.heldIn(state);
  return {
    held,
    rates: state instanceof RequestRates ? state.snapshot(owner.now) : [],
    usage: state instanceof KeyUsage ? state.snapshot(owner.now) : [],
    values: state instanceof StoredValues ? state.snapshot(owner.now) : [],
    sessions: state instanceof StickySessions ? state.snapshot(owner.now) : [],
    health: state instanceof HealthStates ? state.snapshot() : [],
    circuits: state instanceof Circuits ? state.snapshot(owner.now) : [],
    retries: state instanceof RetryCounts ? state.snapshot(owner.now) : null,
    resolutions: state instanceof ResolverCounts ? state.snapshot() : null,
    keyValues: state instanceof KeyValues ? state.snapshot(owner.now) : [],
    dictionary: state instanceof Dictionary ? state.snapshot(owner.now) : [],
    servers: state instanceof ServerLists ? state.current : null,
    metrics: state instanceof MetricTotals ? state.read(null) : [],
    locks: state instanceof CacheLocks ? state.snapshot(owner) : [],
    purges: state instanceof CachePurges ? state.snapshot() : [],
  };
}

/** Adds the transferred contents. The requests were admitted before, so no limit refuses them. */
export const takeOver: Operation<ZoneContents, null> = {
  name: 'take over',
  fallback: null,
  run(owner, { zone, ...contents }) {
    const { held, rates, usage, values, sessions, health, circuits } = contents;
    const { retries, resolutions, keyValues, dictionary, servers, metrics, locks, purges } = contents;
    const counts = owner.zone(zone, KeyCounts);
    for (const { ticket, key } of held) {
      if (counts?.take(key, Number.POSITIVE_INFINITY) === 'taken') owner.hold(ticket, [{ in: counts, key }]);
    }
    owner.zone(zone, RequestRates)?.restore(rates, owner.now);
    owner.zone(zone, KeyUsage)?.restore(usage, owner.now);
    owner.zone(zone, StoredValues)?.restore(values, owner.now);
    owner.zone(zone, StickySessions)?.restore(sessions, owner.now);
    owner.zone(zone, HealthStates)?.restore(health);
    owner.zone(zone, Circuits)?.restore(circuits, owner.now);
    if (retries !== null) owner.zone(zone, RetryCounts)?.add(retries, owner.now);
    if (resolutions !== null) owner.zone(zone, ResolverCounts)?.add(resolutions);
    owner.zone(zone, KeyValues)?.restore(keyValues, owner.now);
    owner.zone(zone, Dictionary)?.restore(dictionary, owner.now);
    if (servers !== null) owner.zone(zone, ServerLists)?.restore(servers);
    owner.zone(zone, MetricTotals)?.restore(metrics);
    owner.zone(zone, CachePurges)?.restore(purges);
    for (const claim of owner.zone(zone, CacheLocks)?.restore(owner, zone, locks) ?? []) {
      owner.hold(claim.ticket, [{ in: claim, key: claim.key }]);
    }
    return null;
  },
};
