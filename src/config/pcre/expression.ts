/** A regular expression that can be searched in bounded time, whatever the subject. */
import type { PatternData } from '../template.js';

import { MatchFailed } from './match-failed.js';
import { parsed } from './parser.js';
import { compileProgram, type Program } from './program.js';
import { search, searchAll } from './search.js';
import { Mistake } from './syntax.js';

/** The whole match and its groups. */
export type Captures = readonly (string | undefined)[];

/**
 * Uses V8's RegExp, which is faster, if its time is known to be bounded; else the backtracking matcher with its limits.
 */
export class Expression {
  private readonly regexp: RegExp | null;
  /** The expression with the flag `g`, for `replaceAll`. */
  private global: RegExp | null = null;
  private readonly longest: number;
  private readonly size: number;
  private compiled: Program | null = null;

  /** The expression as written. */
  get written(): string {
    return this.data.written;
  }

  constructor(private readonly data: PatternData) {
    this.regexp = data.source === null ? null : new RegExp(data.source, data.flags);
    this.longest = data.longest;
    this.size = data.groups + 1;
  }

  /** The first match, or null. Throws `MatchFailed` if the search exceeds PCRE2's limits. */
  exec(subject: string): Captures | null {
    if (this.regexp !== null && subject.length <= this.longest) {
      const match = this.regexp.exec(subject);
      // The translation may append groups of its own.
      return match === null || match.length === this.size ? match : match.slice(0, this.size);
    }
    const groups = search(this.program, subject);
    if (groups === null) return null;
    const captures: (string | undefined)[] = [];
    for (let i = 0; i < groups.length; i += 2) {
      const from = groups[i] as number;
      captures.push(from < 0 ? undefined : subject.slice(from, groups[i + 1]));
    }
    return captures;
  }

  /**
   * Replaces all matches, from left to right, with a fixed text; empty matches are kept. Returns the subject itself if there are
   * none. Throws `MatchFailed` if the search exceeds PCRE2's limits.
   */
  replaceAll(subject: string, replacement: string): string {
    if (this.regexp !== null && subject.length <= this.longest) {
      this.global ??= new RegExp(this.regexp.source, `${this.regexp.flags}g`);
      return subject.replace(this.global, (match) => (match === '' ? '' : replacement));
    }
    let result = '';
    let at = 0;
    for (const [start, end] of searchAll(this.program, subject)) {
      if (start === end) continue;
      result += subject.slice(at, start) + replacement;
      at = end;
    }
    return at === 0 ? subject : result + subject.slice(at);
  }

  /** Whether there is a match; false if the search is given up. */
  test(subject: string): boolean {
    try {
      return this.exec(subject) !== null;
    } catch (error) {
      if (error instanceof MatchFailed) return false;
      throw error;
    }
  }

  /** Compiled for the first subject that needs it. */
  private get program(): Program {
    if (this.compiled !== null) return this.compiled;
    const tree = parsed(this.data.written, this.data.caseless);
    if (tree instanceof Mistake) throw tree;
    return (this.compiled = compileProgram(tree));
  }
}

/** Key that is equal for equivalent expressions: the translation, or the expression as written if there is none. */
export function expressionKey({ source, flags, caseless, written }: PatternData): string {
  return source === null ? `${caseless ? 'i' : ''} ${written}` : `${flags} ${source}`;
}
