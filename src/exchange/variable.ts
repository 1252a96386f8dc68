/** Variables: `$name` as a configuration sees it. */
import { logError } from './error-context.js';
import type { Exchange } from './exchange.js';

/** Computes a variable. Undefined means "not found": nothing in a template, `-` in a log line. */
export type Getter = (x: Exchange) => string | undefined;

/** A variable as a module declares it. A name that ends in `*` is a family (`http_*`): `family` gets the rest of the name. */
export interface VariableSpec {
  readonly get?: Getter;
  readonly family?: (rest: string) => Getter;
  /** Called by `set $name value` where the variable may be assigned with an effect (`$args`, `$limit_rate`). */
  readonly set?: (x: Exchange, value: string) => void;
  /** Computed once per request and remembered. Default false: computed at each use. */
  readonly cached?: boolean;
  /** May be redefined by `set` or `map`. Default false: nginx says `the duplicate "x" variable`. */
  readonly changeable?: boolean;
  /** One sentence for the documentation. */
  readonly doc: string;
}

/** How many variables may be computed from each other, as in nginx. */
const MAX_DEPTH = 100;

/** How many are being computed. Getters are synchronous, so that one count serves all requests. */
let depth = 0;

/** A variable of a compiled configuration; the value of a request lives in `x.slots[slot]`. */
export class Variable {
  /** Bound when the whole configuration is compiled. */
  getter: Getter | null = null;
  setter: ((x: Exchange, value: string) => void) | null = null;
  /** Keep the computed value in the slot. */
  cached = false;

  constructor(
    readonly name: string,
    readonly slot: number,
  ) {}

  /** The value for a request; undefined where there is none. */
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

  /** Gives it a value for the rest of the request. */
  assign(x: Exchange, value: string): void {
    if (this.setter !== null) this.setter(x, value);
    else x.slots[this.slot] = value;
  }
}
