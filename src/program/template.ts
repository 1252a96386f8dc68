/** A string with variables, evaluated per session. */
import type { Session } from './session.js';
import type { Variable } from './variable.js';

/** Compiled from a TemplateData by `Compiler.template`. */
export class Template {
  constructor(
    /** The value if it contains no variables, otherwise null. */
    readonly constant: string | null,
    private readonly pieces: readonly (string | Variable)[],
  ) {}

  /** Evaluates the string for a session; variables without a value are empty. */
  of(x: Session): string {
    if (this.constant !== null) return this.constant;
    let out = '';
    for (let i = 0; i < this.pieces.length; i++) {
      const piece = this.pieces[i] as string | Variable;
      if (typeof piece === 'string') out += piece;
      else {
        const value = piece.value(x);
        if (value !== undefined) out += value;
      }
    }
    return out;
  }

  /**
   * The parts, for callers with their own treatment of variables (`log_format` escapes them, `rewrite` encodes them).
   */
  get parts(): readonly (string | Variable)[] {
    return this.constant !== null ? [this.constant] : this.pieces;
  }

  /** Whether it is a constant empty string. */
  get isEmpty(): boolean {
    return this.constant === '';
  }
}
