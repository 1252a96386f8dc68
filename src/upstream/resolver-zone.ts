/** `status_zone` of `resolver`: statistics of name resolution, of all resolvers and workers that name the zone. */
import type { ResolverEvent } from '../dns/statistics.js';
import type { Compiler, Shared } from '../program/module.js';
import type { ResolverStatistics } from '../zones/resolver-counts.js';
import { countResolutions, readResolutions } from '../zones/resolver-operations.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';

export class ResolverZone {
  /** Events of this turn of the event loop; null if there are none. */
  private events: Partial<Record<ResolverEvent, number>> | null = null;

  constructor(
    readonly name: string,
    private readonly zone: Zone,
    private readonly zones: ZoneBackend,
  ) {}

  count(event: ResolverEvent): void {
    if (this.events === null) {
      this.events = {};
      setImmediate(() => this.report());
    }
    this.events[event] = (this.events[event] ?? 0) + 1;
  }

  /** Statistics since the start; null if the backend of the zone does not respond. `reset`: they start again at 0. */
  read(reset = false): ResolverStatistics | null | Promise<ResolverStatistics | null> {
    this.report();
    return this.zones.ask(readResolutions, { zone: this.zone.id, reset });
  }

  private report(): void {
    const { events } = this;
    this.events = null;
    if (events !== null) this.zones.tell(countResolutions, { zone: this.zone.id, events });
  }
}

const KEY = 'zones of resolvers';

/** The zones of a table, by name. */
export function resolverZones(shared: Shared): ReadonlyMap<string, ResolverZone> {
  return shared.get<ReadonlyMap<string, ResolverZone>>(KEY) ?? new Map();
}

/** Opens a zone for a table that is being compiled. */
export function openResolverZone(name: string, compiler: Compiler): ResolverZone {
  const { shared, zones } = compiler;
  const known = shared.get<Map<string, ResolverZone>>(KEY) ?? shared.set(KEY, new Map<string, ResolverZone>());
  const opened = known.get(name);
  if (opened !== undefined) return opened;
  // The table closes it when it is unused.
  const zone = shared.set(`resolver zone ${name}`, zones.open({ kind: 'resolver', name, size: 0, key: '' }));
  const resolver = new ResolverZone(name, zone, zones);
  known.set(name, resolver);
  return resolver;
}
