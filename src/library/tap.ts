/** Types of the traffic tap for programs that embed the proxy. */
import type { TapKind, TapRow } from '../tap/rows.js';

export type {
  CloseRow,
  DroppedRow,
  EventRow,
  FieldLine,
  FrameRow,
  OpenRow,
  Payload,
  RequestRow,
  ResponseRow,
  SenderCounts,
  TapKind,
  TapRow,
  TryRow,
  Withheld,
} from '../tap/rows.js';

export interface TapOptions {
  /** Kinds of rows. Default: all. */
  readonly kinds?: readonly TapKind[];
  /** Bytes of the payload of a frame or event that are given; 0 for none. Default: 1024. */
  readonly payload?: number;
  /** Rows that wait for a slow listener, in each process; further ones are dropped and counted. Default: 1000. */
  readonly queue?: number;
  readonly redact?: TapRedaction;
}

/** Parts of rows that are replaced by `[redacted]`. */
export interface TapRedaction {
  /**
   * Names of header fields, and of arguments of request targets, whose values are replaced, in addition to the default:
   * `Authorization`, `Proxy-Authorization`, `Cookie`, `Set-Cookie`, `X-Api-Key`, `access_token`, `api_key`, `password`, `token`.
   */
  readonly fields?: readonly string[];
  /** Paths into messages and events that are JSON: `$.user.password`, `$..token`, `$.cards[*]['number']`. */
  readonly jsonPaths?: readonly string[];
  /**
   * Regular expressions in the notation of the configuration, whose matches are replaced in payloads, header fields, targets,
   * hosts and close reasons.
   */
  readonly patterns?: readonly string[];
}

/** Receives rows in batches. If it returns a promise, the next batch follows when that has settled. */
export type TapListener = (rows: readonly TapRow[]) => void | Promise<void>;

export interface TapSubscription {
  /** Number of rows that were dropped, because the listener was too slow. */
  readonly dropped: number;
  /** Ends the subscription; the listener is no longer called. */
  close(): void;
}
