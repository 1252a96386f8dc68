/**
 * A configuration that was checked: plain data that survives `structuredClone`, so that a master can send it to workers.
 * Values are what each directive's argument type made of its words; inheritance is already applied.
 */
import type { Context } from './directive.js';

/** Where a directive was written. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One block. */
export interface CheckedBlock {
  /** The directive that opened it: `http`, `server`, `location`, `if`, `upstream` …; empty for the outermost. */
  readonly directive: string;
  /** What its body is. */
  readonly context: Context;
  /** What the directive's argument type made of its words. */
  readonly argument: unknown;
  /**
   * Effective values: set here or inherited. What is set nowhere is absent (defaults live in the specs). Lists of
   * `repeat` directives are arrays.
   */
  readonly values: Readonly<Record<string, unknown>>;
  /** The names of the directives that are written in this very block. */
  readonly own: readonly string[];
  /** The `step` directives of this block, in the order written. */
  readonly steps: readonly CheckedStep[];
  /** The blocks in it, in the order written (those of `step` directives are with their step). */
  readonly blocks: readonly CheckedBlock[];
  readonly at: Place;
  /**
   * Where the directives of `own` were written, each as often as it was; only in main, events, http and upstreams, where what
   * is written has no block of its own around that says about where it is.
   */
  readonly places?: Readonly<Record<string, readonly Place[]>>;
}

/** A directive that is carried out in order. */
export interface CheckedStep {
  readonly directive: string;
  readonly value: unknown;
  /** The body of a block directive (`if`). */
  readonly block: CheckedBlock | null;
  readonly at: Place;
}

/** The outermost block, `main`. */
export type CheckedConfig = CheckedBlock;
