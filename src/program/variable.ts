/** Variables (`$name`) of a configuration. */

import type { Exchange } from '../exchange/exchange.js';
import { logError } from './error-context.js';

/** Computes a variable. Undefined means "not found": empty in a template, `-` in a log line. */
export type Getter = (x: Exchange) => string | undefined;

/**
 * A variable as declared by a module. A name that ends in `*` is a family (`http_*`): `family` receives the rest of the
 * name.
 */
export interface VariableSpec {
  readonly get?: Getter;
  readonly family?: (rest: string) => Getter;
  /** Called by `set $name value` if assigning the variable has an effect (`$args`, `$limit_rate`). */
  readonly set?: (x: Exchange, value: string) => void;
  /** Whether it is computed once per request and cached. Default false: computed at each use. */
  readonly cached?: boolean;
  /** Whether it may be redefined by `set` or `map`. Default false: nginx reports `the duplicate "x" variable`. */
  readonly changeable?: boolean;
  /** One sentence for the documentation. */
  readonly doc: string;
}

/** Maximum depth of variables computed from each other, as in nginx. */
const MAX_DEPTH = 100;

/** Current depth. Getters are synchronous, so one counter serves all requests. */
let depth = 0;

/** A variable of a compiled configuration; its value for a request is stored in `x.slots[slot]`. */
export class Variable {
  /** Bound when the whole configuration is compiled. */
  getter: Getter | null = null;
  setter: ((x: Exchange, value: string) => void) | null = null;
  /** Whether the computed value is cached in the slot. */
  cached = false;

  constructor(
    readonly name: string,
    readonly slot: number,
  ) {}

  /** Returns the value for a request, or undefined. */
  value(x: Exchange): string | undefined {
    const kept = x.slots[this.slot];
    if (kept !== undefined) return kept;
    if (this.getter === null) return undefined;
    if (depth === MAX_DEPTH) {
      logError(x, 'error', `cycle while evaluating variable "${this.name}"`);
      return undefined;
    }
    depth++;
    try {
      const value = this.getter(x);
      if (this.cached && value !== undefined) x.slots[this.slot] = value;
      return value;
    } finally {
      depth--;
    }
  }

  /** Assigns a value for the rest of the request. */
  assign(x: Exchange, value: string): void {
    if (this.setter !== null) this.setter(x, value);
    else x.slots[this.slot] = value;
  }
}
