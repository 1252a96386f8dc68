/** Runs the argument type of one directive over its words. */
import { positionOf } from '../../grammar/positions.js';
import type { Span, Statement } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { CheckState } from './check-state.js';
import type { ArgumentContext, Context, FindingOptions } from './directive.js';
import { reportMissingSemicolon, splitEntry } from './missing-semicolon.js';
import type { Place } from './place.js';
import { suggestParameter } from './suggest-parameter.js';

/** Base directories of relative paths; both end in a slash. */
export interface Directories {
  readonly conf: string;
  readonly prefix: string;
}

/** Aborts the parsing of one directive; the findings are already in the check state. */
export class ParsingAborted extends Error {}

/** Context for parsing a directive's words and body. */
export class Arguments implements ArgumentContext {
  readonly directive: string;

  constructor(
    readonly statement: Statement,
    readonly context: Context,
    private readonly directories: Directories,
    private readonly state: CheckState,
    /** The directive's syntax, as the documentation prints it. */
    private readonly syntax = '',
  ) {
    this.directive = statement.name.text;
  }

  path(relative: string, from: 'conf' | 'prefix'): string {
    return relative.startsWith('/') ? relative : this.directories[from] + relative;
  }

  place(at: Span): Place {
    return placeOf(at);
  }

  fail(at: Span, code: Code, message: string, options?: FindingOptions): never {
    this.report(at, code, message, options);
    throw new ParsingAborted(message);
  }

  unsupported(at: Span, message: string, options?: FindingOptions): void {
    if (!this.state.allowsUnsupported) this.fail(at, 'nginx-only-directive', message, options);
    this.report(at, 'nginx-only-directive', message, { ...options, severity: 'warning' });
  }

  report(at: Span, code: Code, message: string, options?: FindingOptions): void {
    const { block } = this.statement;
    // An entry of a block with too many words, spread over two lines, is most likely two entries.
    const isEntry = code === 'argument-count' && block !== null && at.start > block.start;
    const split = isEntry ? splitEntry(at) : null;
    if (split === null) this.state.report(at, code, message, this.meant(at, message) ?? options);
    else reportMissingSemicolon(split, message, this.state, 'a ";" is missing here, or the entry has too many words');
  }

  /** Suggests the parameter that was probably meant by an unknown one. */
  private meant(at: Span, message: string): FindingOptions | null {
    if (!message.startsWith('invalid parameter "')) return null;
    const word = this.statement.args.find(({ start, end }) => start === at.start && end === at.end);
    return word === undefined || word.source !== at.source ? null : suggestParameter(word.text, word, this.syntax);
  }

  uses(name: string, at: Span): void {
    this.state.uses.push({ name, at });
  }

  defines(name: string, at: Span): void {
    this.state.defines.push({ name: name.toLowerCase(), at });
  }

  /** Returns the value of `parse`, or null if it failed. */
  attempt<T>(parse: (c: ArgumentContext) => T): { readonly value: T } | null {
    try {
      return { value: parse(this) };
    } catch (error) {
      if (error instanceof ParsingAborted) {
        return null;
      }
      throw error;
    }
  }
}

/** Start of a span, as plain data. */
export function placeOf({ source, start }: Span): Place {
  const { line, column } = positionOf(source, start);
  return { file: source.name, line, column };
}
