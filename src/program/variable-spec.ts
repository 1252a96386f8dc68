/** Variables (`$name`) as declared by HTTP modules. */
import type { Exchange } from './exchange.js';

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
  /** Difference from nginx, if any; reported by `compat`. */
  readonly differs?: string;
  /** One sentence for the documentation. */
  readonly doc: string;
}
