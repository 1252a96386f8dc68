/** Expands `include`: the statements of the files named take its place. */
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
import { hasWildcard } from './glob.js';
import { reportMissingSemicolon, splitAtLine } from './missing-semicolon.js';
import { type ConfigReader, readFailure } from './reader.js';
import { syntaxFinding } from './syntax-finding.js';

/** Far above what anyone nests, and far below where the stack ends. */
const DEEPEST = 100;

/** Words of all files together, each `;` and brace counted as one: a million directives. More than that is refused. */
const MOST_WORDS = 4_000_000;

/** What a file counts at least, so that short ones that include each other tenfold come to an end as well. */
const LEAST_WORDS = 100;

/** Missing semicolons in a row behind `include`. */
const MOST_SPLITS = 100;

/** The statements of a whole configuration, with those of included files in the place of each `include`. */
export interface Expansion {
  /** Those of the outermost level. */
  readonly statements: readonly Statement[];
  /** Those of a block. */
  inside(block: Block): readonly Statement[];
  /** The includes through which a source was reached, outermost first. */
  trailOf(source: Source): readonly Span[];
}

export class Includes {
  /** Every source that was read, in order. */
  readonly sources: Source[] = [];
  private readonly trails = new Map<Source, readonly Span[]>();
  /** Characters read so far, in the shortest files `LEAST_WORDS`: there cannot be more words than that. */
  private length = 0;
  /** Words in the first of the sources, as many as were counted. */
  private words = 0;
  private counted = 0;
  private refused = false;
  private readonly expanded = new WeakMap<readonly Item[], Statement[]>();

  constructor(
    private readonly reader: ConfigReader,
    /** The directory that relative names start from, with its final slash. */
    private readonly directory: string,
    private readonly notes: CheckState,
    /** Whether a directive of that name takes a block. */
    private readonly opensBlock: (name: string) => boolean,
  ) {}

  /** Parses a source; mistakes of the syntax become findings. `trail` are the includes that led to it. */
  open(source: Source, trail: readonly Span[] = [], kind: TextKind = 'file'): readonly Item[] {
    this.sources.push(source);
    this.trails.set(source, trail);
    this.length += Math.max(LEAST_WORDS, source.text.length);
    if (this.length > MOST_WORDS && this.countWords() > MOST_WORDS) {
      this.refuseLength(source, trail);
      return [];
    }
    const tree = parse(source, kind, this.opensBlock);
    for (const mistake of tree.mistakes) {
      this.notes.put(syntaxFinding(mistake));
    }
    if (source.text.startsWith(BYTE_ORDER_MARK)) this.reportByteOrderMark(source);
    return tree.items;
  }

  /** Takes time, and few configurations are as long as that. */
  private countWords(): number {
    for (const { text } of this.sources.slice(this.counted)) this.words += Math.max(LEAST_WORDS, wordsAtMost(text));
    this.counted = this.sources.length;
    return this.words;
  }

  /** The includes through which a source was reached, outermost first. */
  trailOf(source: Source): readonly Span[] {
    return this.trails.get(source) ?? [];
  }

  private reportByteOrderMark(source: Source): void {
    const at = { source, start: 0, end: BYTE_ORDER_MARK.length };
    this.notes.report(at, 'byte-order-mark', 'a byte order mark stands before the first word', {
      severity: 'warning',
      help: 'it is skipped here; nginx takes it for a part of the word and refuses that as an unknown directive',
      fix: { title: 'take it away', edits: [{ at, text: '' }] },
    });
  }

  /** Said once: what is read after it has the same fault. */
  private refuseLength({ name }: Source, trail: readonly Span[]): void {
    if (this.refused) return;
    this.refused = true;
    this.notes.report(
      trail.at(-1) ?? null,
      'too-long',
      `"${name}" makes the configuration longer than ${MOST_WORDS} words`,
      {
        help: 'no one has written that, and to read it would take gigabytes of memory',
      },
    );
  }

  /** The statements of a block or file, with those of included files in the place of each `include`. */
  expand(items: readonly Item[]): Statement[] {
    return atOnce(this.expandInSteps(items));
  }

  /** The same; yields after each file. */
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
      const split = splits < MOST_SPLITS && isWrong(item) ? splitAtLine(item, 1) : null;
      // What is not a plain include (no name, two names, a block) is left for the checker to complain about.
      if (split !== null) {
        reportMissingSemicolon(split, includeMistake(item), this.notes);
        for (const part of yield* this.expandInSteps([split.before, split.after], splits + 1)) statements.push(part);
      } else if (file !== undefined && more === undefined && item.block === null) {
        // A placeholder of a template names no file yet.
        for (const path of file.damaged ? [] : this.files(file.text)) {
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

  /** What was expanded so far; in a block that nobody looked into, `include` stays as it is. */
  expansion(statements: readonly Statement[]): Expansion {
    return {
      statements,
      inside: ({ items }) => this.expanded.get(items) ?? items.filter(isStatement),
      trailOf: (source) => this.trailOf(source),
    };
  }

  private files(name: string): readonly string[] {
    const path = name.startsWith('/') ? name : this.directory + name;
    return hasWildcard(path) ? this.reader.expand(path) : [path];
  }

  private *include(path: string, statement: Statement, into: Statement[]): Generator<void, void> {
    const trail = [...this.trailOf(statement.source), statement];
    if (trail.length > DEEPEST || trail.some((span) => span.source.name === path)) {
      this.notes.report(statement, 'include-cycle', `"${path}" includes itself`, {
        help: 'nginx would go round until it runs out of file descriptors',
      });
      return;
    }
    let text: string;
    try {
      text = this.reader.read(path);
    } catch (error) {
      this.notes.report(statement.args[0] ?? statement, 'file-not-found', readFailure(path, error));
      return;
    }
    // One by one: a spread of a huge file would not fit on the stack.
    for (const included of yield* this.expandInSteps(this.open({ name: path, text }, trail))) {
      into.push(included);
    }
  }
}

/** Whether an `include` has more than its one word. */
function isWrong({ args, block }: Statement): boolean {
  return args.length > 1 || (block !== null && args.length > 0);
}

/** nginx's sentence for an `include` that is wrong. */
export function includeMistake({ block }: Statement): string {
  return block === null
    ? 'invalid number of arguments in "include" directive'
    : 'directive "include" is not terminated by ";"';
}
