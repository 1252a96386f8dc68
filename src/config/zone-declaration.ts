/** Zones declared by a configuration. */

/** Content of a zone. nginx: the tag of a shared memory zone. */
export type ZoneKind =
  | 'limit_conn'
  | 'limit_req'
  | 'websocket_limit'
  | 'api_keys'
  | 'upstream'
  | 'resolver'
  | 'sticky'
  | 'upstream_health'
  | 'circuits'
  | 'retry_budget'
  | 'ssl_session'
  | 'ssl_ocsp'
  | 'keyval'
  | 'js_shared_dict'
  | 'upstream_servers'
  | 'metrics'
  | 'workers'
  | 'cache'
  | 'cache_locks'
  | 'cache_purges';

/** Store that keeps a zone for several machines (`store=`). Plain data. */
export interface StoredZone {
  /** Name of the `zone_store`. */
  readonly name: string;
  /** Handling of requests while the store does not respond: limits of this node, none, or every request is refused. */
  readonly failure: 'local' | 'open' | 'closed';
  /** Number of requests that a worker counts in the store at once (`store_lease=`); 1: each one by itself. */
  readonly lease: number;
}

/** A zone declared by a directive. Plain data. */
export interface ZoneDeclaration {
  readonly kind: ZoneKind;
  readonly name: string;
  /** Size in bytes; limits the content as in nginx. */
  readonly size: number;
  /** The key expression as written; empty if there is none. */
  readonly key: string;
  /** Default: it is kept on this machine. */
  readonly store?: StoredZone;
}

/**
 * Declarations with the same identity, in another generation or another process, share one zone and its contents. A zone of
 * another size is another zone, as in nginx. Its store is no part of the identity: the zone that takes the place of a store
 * that does not respond is the one that is kept on this machine without a store.
 */
export function zoneIdentity({ kind, name, size, key }: ZoneDeclaration): string {
  return JSON.stringify([kind, name, size, key]);
}
