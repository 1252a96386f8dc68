/** Head of a stored response: its validity, its key, and the response's own head as it was received. */

export interface EntryHead {
  /** The response is fresh until then, that second included; s since 1970. */
  readonly validUntil: number;
  /** `stale-while-revalidate`: it may be served until then while it is requested again; s since 1970. */
  readonly staleWhileRevalidateUntil: number;
  /** `stale-if-error`: it may be served until then if the upstream fails; s since 1970. */
  readonly staleIfErrorUntil: number;
  /** The key as evaluated (`proxy_cache_key`): byte string. */
  readonly key: string;
  /** Time of storing, or of the last revalidation; s since 1970. */
  readonly date: number;
  /** `Last-Modified` of the response, in seconds since 1970; -1 if it has none. */
  readonly lastModified: number;
  /** `ETag` of the response; empty if it has none. */
  readonly etag: string;
  /** Fields that select the variant, as in `Vary`; empty if there are none. */
  readonly vary: string;
  /** Hash of the values of these fields in the request, 32 hexadecimal digits; empty without `vary`. */
  readonly variant: string;
  /** Status of the response. */
  readonly status: number;
  /** Reason phrase; may be empty. */
  readonly reason: string;
  /** HTTP version of the response: 10, 11 or 20. */
  readonly version: number;
  /** The field lines, each terminated by CRLF: byte string. */
  readonly fields: string;
  /** Tags by which the entry can be purged. */
  readonly tags: readonly string[];
}
