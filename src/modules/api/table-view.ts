/** Parts of a routing table that the API shows and changes. */
import type { CacheStore } from '../../cache/cache-store.js';
import { cacheStores } from '../../cache/stored-responses.js';
import { sharedConnections } from '../../exchange/open-connections.js';
import { type Recording, recordingOf } from '../../metrics/recording.js';
import { type KeyvalZone, keyvalZones } from '../../program/keyval-zone.js';
import type { Compiler, Shared } from '../../program/module.js';
import { zoneMemory } from '../../program/zone-memory.js';
import { type Tunnels, tunnelsOf } from '../../tunnel/tunnels.js';
import { findUpstream } from '../../upstream/configured.js';
import { type ResolverZone, resolverZones } from '../../upstream/resolver-zone.js';
import { type ServerList, serverLists } from '../../upstream/server-list.js';
import type { Upstream } from '../../upstream/upstream.js';
import { readRespawned } from '../../zones/respawned-operation.js';
import type { SlabUsage } from '../../zones/slab.js';
import type { ZoneBackend } from '../../zones/zone.js';

export class TableView {
  private readonly shared: Shared;
  private readonly zones: ZoneBackend;
  private readonly lastingZones: ZoneBackend;
  /** Time at which the configuration was read, ms since 1970. */
  readonly loaded = Date.now();

  constructor({ shared, zones, lastingZones }: Compiler) {
    this.shared = shared;
    this.zones = zones;
    this.lastingZones = lastingZones;
  }

  /** Upstreams with a zone, by name. */
  get upstreams(): ReadonlyMap<string, ServerList> {
    return serverLists(this.shared);
  }

  /** An upstream, with or without a zone. */
  upstream(name: string): Upstream | undefined {
    return findUpstream(this.shared, name);
  }

  /** Null if nothing is recorded. */
  get recording(): Recording | null {
    return recordingOf({ shared: this.shared });
  }

  get keyvals(): ReadonlyMap<string, KeyvalZone> {
    return keyvalZones(this.shared);
  }

  /** Caches by the names of their zones. */
  get caches(): ReadonlyMap<string, CacheStore> {
    return cacheStores(this.shared);
  }

  /** Resolvers with `status_zone`, by its name. */
  get resolvers(): ReadonlyMap<string, ResolverZone> {
    return resolverZones(this.shared);
  }

  get tunnels(): Tunnels {
    return tunnelsOf(this.shared);
  }

  get connections(): ReturnType<typeof sharedConnections> {
    return sharedConnections(this.shared);
  }

  /** The zones of the configuration whose memory is limited, by name. */
  async memory(): Promise<ReadonlyMap<string, SlabUsage>> {
    const zones = await zoneMemory(this.shared, this.zones);
    return new Map(zones.map(({ declaration, usage }) => [declaration.name, usage]));
  }

  /** Number of workers that were started in place of others that had died. */
  async respawned(reset: boolean): Promise<number> {
    return this.lastingZones.ask(readRespawned, { reset });
  }
}
