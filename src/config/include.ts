/** Expands `include`: replaces it by the statements of the named files. */
import { BYTE_ORDER_MARK } from '../../grammar/lexer.js';
import { parse } from '../../grammar/parser.js';
import {
  type Block,
  type Item,
  isStatement,
  type Source,
  type Span,
  type Statement,
} from '../../grammar/syntax-tree.js';
import type { TextKind } from '../../grammar/tree-builder.js';
import { wordsAtMost } from '../../grammar/words.js';

import { atOnce } from './at-once.js';
import type { CheckState } from './check-state.js';
import type { Environment } from './environment.js';

import { reportMissingSemicolon, splitAtLine } from './missing-semicolon.js';
import { type ConfigReader, includedFiles, readFailure } from './reader.js';
import { syntaxFinding } from './syntax-finding.js';

/** Maximum depth of includes: far above practical use, and far below the stack limit. */
const MAX_DEPTH = 100;

/**
 * Maximum number of words of all files together, each `;` and brace counted as one: about a million directives. A
 * larger configuration is rejected.
 */
const MAX_WORDS = 4_000_000;

/**
 * Minimum number of words counted for a file, so that short files that include each other tenfold reach the limit too.
 */
const MIN_WORDS = 100;

/** Maximum number of consecutive missing semicolons after `include`. */
const MAX_SPLITS = 100;

/** The statements of a whole configuration, with each `include` replaced by those of its files. */
export interface Expansion {
  /** Statements of the outermost level. */
  readonly statements: readonly Statement[];
  /** Statements of a block. */
  inside(block: Block): readonly Statement[];
  /** The includes through which a source was reached, outermost first. */
  trailOf(source: Source): readonly Span[];
}

export class Includes {
  /** Every source that was read, in order. */
  readonly sources: Source[] = [];
  private readonly trails = new Map<Source, readonly Span[]>();
  /** Characters read so far, at least `MIN_WORDS` for each file: an upper bound of the number of words. */
  private length = 0;
  /** Words counted so far, in the first `counted` sources. */
  private words = 0;
  private counted = 0;
  private rejected = false;
  private readonly expanded = new WeakMap<readonly Item[], Statement[]>();

  constructor(
    private readonly reader: ConfigReader,
    /** Base directory of relative names, with a trailing slash. */
    private readonly directory: string,
    private readonly state: CheckState,
    /** Whether the named directive takes a block. */
    private readonly opensBlock: (name: string) => boolean,
    /** Expands environment variables in included files. */
    private readonly environment: Environment,
  ) {}

  /** Parses a source; syntax errors become findings. `trail` are the includes that led to it. */
  open(source: Source, trail: readonly Span[] = [], kind: TextKind = 'file'): readonly Item[] {
    this.sources.push(source);
    this.trails.set(source, trail);
    this.length += Math.max(MIN_WORDS, source.text.length);
    if (this.length > MAX_WORDS && this.countWords() > MAX_WORDS) {
      this.rejectLength(source, trail);
      return [];
    }
    const tree = parse(source, kind, this.opensBlock);
    for (const mistake of tree.mistakes) {
      this.state.add(syntaxFinding(mistake));
    }
    if (source.text.startsWith(BYTE_ORDER_MARK)) this.reportByteOrderMark(source);
    return tree.items;
  }

  /** Computed only if the characters exceed the limit: counting takes time, and few configurations are that long. */
  private countWords(): number {
    for (const { text } of this.sources.slice(this.counted)) this.words += Math.max(MIN_WORDS, wordsAtMost(text));
    this.counted = this.sources.length;
    return this.words;
  }

  /** The includes through which a source was reached, outermost first. */
  trailOf(source: Source): readonly Span[] {
    return this.trails.get(source) ?? [];
  }

  private reportByteOrderMark(source: Source): void {
    const at = { source, start: 0, end: BYTE_ORDER_MARK.length };
    this.state.report(at, 'byte-order-mark', 'a byte order mark precedes the first word', {
      severity: 'warning',
      help: 'it is skipped here; nginx reads it as part of the word and rejects that as an unknown directive',
      fix: { title: 'remove it', edits: [{ at, text: '' }] },
    });
  }

  /** Reported once: everything read after it exceeds the limit too. */
  private rejectLength({ name }: Source, trail: readonly Span[]): void {
    if (this.rejected) return;
    this.rejected = true;
    this.state.report(
      trail.at(-1) ?? null,
      'too-long',
      `"${name}" makes the configuration longer than ${MAX_WORDS} words`,
      {
        help: 'this is not a hand-written configuration, and reading it would take gigabytes of memory',
      },
    );
  }

  /** The statements of a block or file, with each `include` replaced by those of its files. */
  expand(items: readonly Item[]): Statement[] {
    return atOnce(this.expandInSteps(items));
  }

  /** `expand` in steps; yields after each file. */
  *expandInSteps(items: readonly Item[], splits = 0): Generator<void, Statement[]> {
    const statements: Statement[] = [];
    for (const item of items) {
      if (!isStatement(item)) {
        continue;
      }
      if (item.name.text !== 'include') {
        statements.push(item);
        continue;
      }
      const [file, more] = item.args;
      const split = splits < MAX_SPLITS && isInvalid(item) ? splitAtLine(item, 1) : null;
      // Anything else than a plain include (no name, two names, a block) is left for the checker to report.
      if (split !== null) {
        reportMissingSemicolon(split, includeMistake(item), this.state);
        const before: Statement = { ...split.before, unterminated: true };
        for (const part of yield* this.expandInSteps([before, split.after], splits + 1)) statements.push(part);
      } else if (file !== undefined && more === undefined && item.block === null) {
        // A template placeholder does not name a file yet.
        for (const path of file.damaged ? [] : includedFiles(file.text, this.directory, this.reader)) {
          yield* this.include(path, item, statements);
          yield;
        }
      } else {
        statements.push(item);
      }
    }
    this.expanded.set(items, statements);
    return statements;
  }

  /** The statements expanded so far; in a block that was never visited, `include` is left as it is. */
  expansion(statements: readonly Statement[]): Expansion {
    return {
      statements,
      inside: ({ items }) => this.expanded.get(items) ?? items.filter(isStatement),
      trailOf: (source) => this.trailOf(source),
    };
  }

  private *include(path: string, statement: Statement, into: Statement[]): Generator<void, void> {
    const trail = [...this.trailOf(statement.source), statement];
    if (trail.length > MAX_DEPTH || trail.some((span) => span.source.name === path)) {
      this.state.report(statement, 'include-cycle', `"${path}" includes itself`, {
        help: 'nginx would repeat the include until it runs out of file descriptors',
      });
      return;
    }
    let text: string;
    try {
      text = this.reader.read(path);
    } catch (error) {
      // The name may contain what was written instead of the `;`.
      if (statement.unterminated === true) return;
      this.state.report(statement.args[0] ?? statement, 'file-not-found', readFailure(path, error));
      return;
    }
    // One by one: spreading the statements of a huge file would overflow the stack.
    const items = this.environment.expand(this.open({ name: path, text }, trail));
    for (const included of yield* this.expandInSteps(items)) {
      into.push(included);
    }
  }
}

/** Whether an `include` has other than exactly one word, or a block. */
function isInvalid({ args, block }: Statement): boolean {
  return args.length > 1 || (block !== null && args.length > 0);
}

/** nginx's message for an invalid `include`. */
export function includeMistake({ block }: Statement): string {
  return block === null
    ? 'invalid number of arguments in "include" directive'
    : 'directive "include" is not terminated by ";"';
}
