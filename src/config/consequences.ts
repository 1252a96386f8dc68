/** Removes findings that are consequences of other mistakes, so that one mistake causes one finding. */
import type { Source, Span, Statement } from '../../grammar/syntax-tree.js';
import { isSpace } from '../../grammar/words.js';
import type { Finding } from '../diagnostics/finding.js';
import type { Failure } from './failure.js';
import { headOf } from './statement.js';

interface Range<T> {
  readonly start: number;
  readonly end: number;
  readonly value: T;
}

/** Ranges of several sources, searchable by position once they are sorted. */
class Ranges<T> {
  private readonly bySource = new Map<Source, Range<T>[]>();

  add({ source, start, end }: Span, value: T): void {
    const others = this.bySource.get(source);
    if (others === undefined) this.bySource.set(source, [{ start, end, value }]);
    else others.push({ start, end, value });
  }

  /** Adds a range unless it begins in the last one; the ranges of a source are added in order. */
  addOutermost(span: Span, value: T): void {
    if (span.start >= (this.bySource.get(span.source)?.at(-1)?.end ?? 0)) this.add(span, value);
  }

  sort(): void {
    for (const list of this.bySource.values()) list.sort((a, b) => a.start - b.start);
  }

  /** The last range that begins before `before`. */
  lastBefore(source: Source, before: number): Range<T> | undefined {
    const list = this.bySource.get(source) ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle]?.start ?? 0) < before) low = middle + 1;
      else high = middle;
    }
    return list[low - 1];
  }

  at({ source, start }: Span): T | null {
    const range = this.lastBefore(source, start + 1);
    return range !== undefined && start < range.end ? range.value : null;
  }
}

/** The failed statements of a configuration, searchable by position; of nested ones the outermost. */
export class Failures {
  private readonly heads = new Ranges<Failure>();
  /** Failed statements with blocks. */
  private readonly blocks = new Ranges<true>();

  constructor(
    readonly all: readonly Failure[],
    /** Texts with unbalanced braces: statements in them may be in the wrong blocks. */
    readonly unbalanced: ReadonlySet<Source> = new Set(),
  ) {
    for (const failure of [...all].sort((a, b) => a.statement.start - b.statement.start)) {
      const { statement } = failure;
      this.heads.addOutermost(wordsOf(statement), failure);
      if (statement.block !== null) this.blocks.addOutermost(statement, true);
    }
  }

  /** The failed statement whose words contain the beginning of a span; null if there is none. */
  at(span: Span | null): Failure | null {
    return span === null ? null : this.heads.at(span);
  }

  /** Whether a span is in a failed statement or its block, or in a text whose structure is uncertain. */
  affects(span: Span): boolean {
    return this.unbalanced.has(span.source) || this.heads.at(span) !== null || this.blocks.at(span) !== null;
  }
}

/** The words of a statement; if its `{` was part of a word, with the rest of that line. */
function wordsOf(statement: Statement): Span {
  const { block, source, start } = statement;
  if (block === null || isSpace(source.text.charCodeAt(block.start - 1))) return headOf(statement);
  const eol = source.text.indexOf('\n', block.start);
  return { source, start, end: eol < 0 ? source.text.length : eol };
}

/** Directives that define what the findings of a code refer to. */
const DEFINING: Readonly<Record<string, RegExp>> = {
  'unknown-variable': /^(?:map|geo|split_clients|set)$/,
  'invalid-reference': /_zone$|^(?:zone|log_format|proxy_cache_path)$/,
};

/** Messages about references to something undefined, with its name. */
const REFERENCE = /^(?:unknown(?: log format)?|zero size shared memory zone) "([^"]*)"/;

/** Codes of errors that are mistakes of their own, even in a statement that has another error. */
const INDEPENDENT: ReadonlySet<string> = new Set([
  'duplicate-directive',
  'conflicting-directives',
  'missing-semicolon',
]);

const UNCLOSED = 'unexpected end of file, expecting "}"';
const BRACES: ReadonlySet<string> = new Set([UNCLOSED, 'unexpected "}"']);

/** The texts with unbalanced braces, by the findings of the parser. */
export function unbalancedIn(syntax: readonly Finding[]): ReadonlySet<Source> {
  return new Set(syntax.flatMap(({ message, at }) => (at !== null && BRACES.has(message) ? [at.source] : [])));
}

/**
 * The findings without those that other mistakes explain:
 * - further findings about the words of a failed statement, and all of them if a syntax error was reported about it;
 * - references to what a failed statement was probably intended to define;
 * - a missing `}` of a block that should not have been opened, and in texts with unbalanced braces, directives in the
 *   wrong block;
 * - the missing `events` block, if there is any other error.
 *
 * @param syntax findings of the parser and of `include`
 * @param semantic the others
 */
export function withoutConsequences(
  syntax: readonly Finding[],
  semantic: readonly Finding[],
  failures: Failures,
): Finding[] {
  const first = firstErrors(semantic, failures);
  const intended = new Intentions(failures);
  const remaining = semantic.filter((finding) => {
    const { code, at } = finding;
    const failure = failures.at(at);
    if (failure !== null) return !failure.doubtful && (first.get(failure) === finding || INDEPENDENT.has(code));
    if (code === 'wrong-context') return at === null || !failures.unbalanced.has(at.source);
    return !intended.explain(finding);
  });
  const errors = new Ranges<true>();
  for (const { severity, at } of remaining) if (severity === 'error' && at !== null) errors.add(at, true);
  errors.sort();
  const causes = syntax.filter(({ message, related }) => {
    const opener = message === UNCLOSED ? related?.at(-1)?.at : undefined;
    if (opener === undefined) return true;
    // An error of the statement that opens the block: it may have opened it by mistake.
    return (errors.lastBefore(opener.source, opener.end)?.start ?? -1) < opener.start;
  });
  const all = [...causes, ...remaining];
  const hasOther = all.some(({ severity, code }) => severity === 'error' && code !== 'missing-events');
  return hasOther ? all.filter(({ code }) => code !== 'missing-events') : [...syntax, ...semantic];
}

/** The first error of each failed statement, by position. */
function firstErrors(findings: readonly Finding[], failures: Failures): Map<Failure, Finding> {
  const first = new Map<Failure, Finding>();
  for (const finding of findings) {
    const failure = finding.severity === 'error' ? failures.at(finding.at) : null;
    if (failure === null || INDEPENDENT.has(finding.code)) continue;
    const other = first.get(failure);
    if (other === undefined || (finding.at?.start ?? 0) < (other.at?.start ?? 0)) first.set(failure, finding);
  }
  return first;
}

/** Names that failed statements may have been intended to define. */
class Intentions {
  /** Words of failed statements that may define something. */
  private readonly names = new Set<string>();
  /** Code of references to what the only failed statement defines: its name may be missing altogether. */
  private code: string | null = null;

  constructor({ all }: Failures) {
    for (const { statement, unknown } of all) {
      const { source, start, end } = headOf(statement);
      const code = Object.keys(DEFINING).find((each) => DEFINING[each]?.test(statement.name.text));
      if (unknown || code !== undefined) {
        for (const name of source.text.slice(start, end).split(/[\s"'$={}:;,%]+/)) this.names.add(name);
      }
      if (all.length === 1) this.code = code ?? null;
    }
  }

  /** Whether the name to which a finding refers may be defined by a failed statement. */
  explain({ code, message }: Finding): boolean {
    if (DEFINING[code] === undefined) return false;
    const [, name] = REFERENCE.exec(message) ?? [];
    return code === this.code || (name !== undefined && this.names.has(name));
  }
}
