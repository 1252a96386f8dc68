/**
 * A checked configuration: plain data that survives `structuredClone`, so that the master can send it to workers.
 * Values are the results of the directives' argument types; inheritance is already applied.
 */
import type { Context } from './directive.js';
import type { Place } from './place.js';

/** A feature that tsproxy lacks and without which a block must not serve requests. */
export interface Closure {
  /** As in messages: `"auth_jwt"`, `variable "geoip_city"`. */
  readonly feature: string;
  readonly at: Place;
}

/** One block. */
export interface CheckedBlock {
  /** The directive that opened it: `http`, `server`, `location`, `if`, `upstream` …; empty for the outermost block. */
  readonly directive: string;
  /** Context of its body. */
  readonly context: Context;
  /** Result of the directive's argument type. */
  readonly argument: unknown;
  /**
   * Effective values: set here or inherited. Values that are not set anywhere are absent (defaults are in the specs).
   * Lists of `repeat` directives are arrays.
   */
  readonly values: Readonly<Record<string, unknown>>;
  /** Names of the directives written directly in this block. */
  readonly own: readonly string[];
  /** The `step` directives of this block, in the order written. */
  readonly steps: readonly CheckedStep[];
  /** Nested blocks in the order written (those of `step` directives are in their step). */
  readonly blocks: readonly CheckedBlock[];
  readonly at: Place;
  /**
   * Places of the directives of `own`, one for each occurrence; only in main, events, http and upstreams, where a
   * directive has no surrounding block that gives its approximate place.
   */
  readonly places?: Readonly<Record<string, readonly Place[]>>;
  /** Requests handled by this block are answered with 501, because of this feature; absent: they are not. */
  closed?: Closure;
}

/** A directive that is executed in order. */
export interface CheckedStep {
  readonly directive: string;
  readonly value: unknown;
  /** The body of a block directive (`if`). */
  readonly block: CheckedBlock | null;
  readonly at: Place;
}

/** The outermost block, `main`. */
export type CheckedConfig = CheckedBlock;
