/** A variable (`$name`) of a compiled configuration. */
import { logError } from './error-context.js';
import type { Session } from './session.js';

/** Maximum depth of variables computed from each other, as in nginx. */
const MAX_DEPTH = 100;

/** Current depth. Getters are synchronous, so one counter serves all sessions. */
let depth = 0;

/** A variable; its value for a session is stored in `x.slots[slot]`. */
export class Variable {
  /** Bound when the whole configuration is compiled. */
  getter: ((x: Session) => string | undefined) | null = null;
  setter: ((x: Session, value: string) => void) | null = null;
  /** Whether the computed value is cached in the slot. */
  cached = false;

  constructor(
    readonly name: string,
    readonly slot: number,
  ) {}

  /** Returns the value for a session, or undefined. */
  value(x: Session): string | undefined {
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

  /** Assigns a value for the rest of the session. */
  assign(x: Session, value: string): void {
    if (this.setter !== null) this.setter(x, value);
    else x.slots[this.slot] = value;
  }
}
