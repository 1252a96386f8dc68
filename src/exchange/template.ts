/** A string with variables, ready to be filled in for a request. */
import type { Exchange } from './exchange.js';
import type { Variable } from './variable.js';

/** Compiled from a TemplateData by `Compiler.template`. */
export class Template {
  constructor(
    /** The value where no variable is in it, otherwise null. */
    readonly constant: string | null,
    private readonly pieces: readonly (string | Variable)[],
  ) {}

  /** The string for a request; variables without a value are empty. */
  of(x: Exchange): string {
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

  /** The pieces, for who needs a rule of its own for variables (`log_format` escapes them, `rewrite` encodes them). */
  get parts(): readonly (string | Variable)[] {
    return this.constant !== null ? [this.constant] : this.pieces;
  }

  /** True for a constant empty string. */
  get isEmpty(): boolean {
    return this.constant === '';
  }
}
