/** Settings of the active health checks of a location. */
import type { PatternData, TemplateData } from '../../config/template.js';
import { SettingsKey } from '../../program/settings-key.js';

export type CheckType = 'http' | 'tcp' | 'websocket';

/** A `health_check` directive. Plain data; times in ms. */
export interface HealthCheckData {
  /** Time between the end of a check and the next one. */
  readonly interval: number;
  /** Maximum random delay of a check. */
  readonly jitter: number;
  /** Consecutive failures after which a server is unhealthy. */
  readonly fails: number;
  /** Consecutive successes after which it is healthy again. */
  readonly passes: number;
  readonly uri: string;
  /** Whether a server gets no requests before its first check. */
  readonly mandatory: boolean;
  /** Whether states are kept on reload. */
  readonly persistent: boolean;
  /** Port to connect to; 0: the server's. */
  readonly port: number;
  /** Name of the `match` block; empty for none. */
  readonly match: string;
  readonly type: CheckType;
  /** Time for which a connection is used for further checks; 0: one connection per check. */
  readonly keepaliveTime: number;
}

/** An inclusive range of status codes. */
export type StatusRange = readonly [from: number, to: number];

export interface StatusTest {
  readonly negated: boolean;
  readonly ranges: readonly StatusRange[];
}

/** A test of a field; `negated` with `present`: the field must be absent, else its value must differ. */
export interface FieldTestData {
  readonly name: string;
  readonly test: 'present' | 'equal' | 'pattern';
  readonly negated: boolean;
  readonly value: string;
  readonly pattern: PatternData | null;
}

export interface BodyTestData {
  readonly negated: boolean;
  readonly pattern: PatternData;
}

/** A `match` block. Plain data. */
export interface MatchData {
  readonly status: readonly StatusTest[];
  readonly header: readonly FieldTestData[];
  readonly body: readonly BodyTestData[];
  /** Values that must be neither empty nor "0". */
  readonly require: readonly TemplateData[];
}

/** A check of the location. */
export interface ConfiguredCheck {
  readonly data: HealthCheckData;
  /** The `match` block of the check; null for none. */
  readonly match: MatchData | null;
}

/** Checks of a location; null if there are none. */
export interface LocationChecks {
  readonly checks: readonly ConfiguredCheck[];
  /** `health_check_timeout`, ms; 0: none. */
  readonly timeout: number;
  /** Zone by name of the upstream in lower case. */
  readonly zones: ReadonlyMap<string, string>;
}

export const HEALTH_CHECKS = new SettingsKey<LocationChecks | null>('health checks', null);
