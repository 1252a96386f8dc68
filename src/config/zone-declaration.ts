/** Zones as a configuration declares them. */

/** What a zone keeps. nginx: the tag of a shared memory zone. */
export type ZoneKind = 'limit_conn' | 'limit_req' | 'upstream';

/** A zone as a directive declares it. Plain data. */
export interface ZoneDeclaration {
  readonly kind: ZoneKind;
  readonly name: string;
  /** Bytes; what is kept is bounded by it as in nginx. */
  readonly size: number;
  /** The key expression as it is written; empty where there is none. */
  readonly key: string;
}
