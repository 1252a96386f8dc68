/** Settings of a subscriber of the traffic tap. Plain data. */
import type { PatternData } from '../config/template.js';
import type { JsonPath } from './json-path.js';
import type { TapKind } from './rows.js';

export interface TapSettings {
  readonly kinds: readonly TapKind[];
  /** Bytes of a payload that are given; 0: none. */
  readonly payload: number;
  /** Rows that may wait for a slow subscriber. */
  readonly queue: number;
  readonly redaction: RedactionSettings;
}

export interface RedactionSettings {
  /** Names of header fields and of arguments whose values are redacted; lower case. */
  readonly fields: readonly string[];
  readonly jsonPaths: readonly JsonPath[];
  readonly patterns: readonly PatternData[];
}
