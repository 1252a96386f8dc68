/** Reports about caches and their entries, for the page and the API. Strings are text. */

export interface CacheReport {
  readonly name: string;
  /** Bytes of the files, in whole blocks. */
  readonly size: number;
  /** Bytes; null: unlimited. */
  readonly maxSize: number | null;
  /** The files of an earlier process are still being loaded. */
  readonly cold: boolean;
  /** Number of stored responses. */
  readonly entries: number;
}

export interface CacheEntryReport {
  /** Name of the file. */
  readonly hash: string;
  readonly key: string;
  readonly status: number;
  /** `Content-Type`; empty if there is none. */
  readonly type: string;
  /** Bytes of the file, in whole blocks. */
  readonly size: number;
  /** ms since 1970. */
  readonly stored: number;
  readonly validUntil: number;
  readonly fresh: boolean;
  /** Fields of requests that select this variant; empty for none. */
  readonly vary: string;
  readonly tags: readonly string[];
  readonly uses: number;
  /** ms since the last access. */
  readonly idle: number;
}

export interface CacheEntriesReport {
  readonly entries: readonly CacheEntryReport[];
  /** Where the list continues; null: nowhere. */
  readonly next: number | null;
}
