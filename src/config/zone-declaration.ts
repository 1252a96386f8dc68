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
  | 'cache_locks';

/** A zone declared by a directive. Plain data. */
export interface ZoneDeclaration {
  readonly kind: ZoneKind;
  readonly name: string;
  /** Size in bytes; limits the content as in nginx. */
  readonly size: number;
  /** The key expression as written; empty if there is none. */
  readonly key: string;
}

/**
 * Declarations with the same identity, in another generation or another process, share one zone and its contents. A zone of
 * another size is another zone, as in nginx.
 */
export function zoneIdentity({ kind, name, size, key }: ZoneDeclaration): string {
  return JSON.stringify([kind, name, size, key]);
}
