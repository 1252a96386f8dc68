/** Result of a replay, for the page. */
import type { FieldLine } from './feed-format.js';

/** Response to a repeated request. Strings are text. */
export interface ReplayReport {
  /** Address of the server. */
  readonly address: string;
  readonly status: number;
  readonly fields: readonly FieldLine[];
  /** Bytes of the body. */
  readonly length: number;
  /** ms until the end of the response. */
  readonly duration: number;
  /** Beginning of the body; null if the console hides payloads, or it cannot be redacted. */
  readonly body: string | null;
}
