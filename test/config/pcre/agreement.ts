/** Compares the matcher, and V8 where it is used, with PCRE2. */
import { Expression } from '../../../src/config/pcre/expression.js';
import { MatchFailed } from '../../../src/config/pcre/match-failed.js';
import { parsed } from '../../../src/config/pcre/parser.js';
import { compileProgram } from '../../../src/config/pcre/program.js';
import { MATCH_LIMIT, search } from '../../../src/config/pcre/search.js';
import { hasReference, Mistake, type Node } from '../../../src/config/pcre/syntax.js';
import { translate } from '../../../src/config/pcre/translate.js';
import { askPcre2, type Outcome, type Question } from './pcre2test.js';

export interface Agreement {
  /** Expressions that both take. */
  compared: number;
  /** Expressions that PCRE2 takes and the parser does not, by the parser's message. */
  readonly unknown: Map<string, number>;
  /** Searches that reached the limit. */
  limited: number;
  /** Searches that V8 was used for. */
  byV8: number;
  /** Differences to PCRE2's interpreter that are its own (`keepsCapturesOfCalls`). */
  declared: number;
  readonly differences: string[];
}

/** `divisor` makes the limit smaller, so that searches that reach it take less time. */
export function compare(questions: readonly Question[], divisor = 1): Agreement {
  const limit = MATCH_LIMIT / divisor;
  const result: Agreement = { compared: 0, unknown: new Map(), limited: 0, byV8: 0, declared: 0, differences: [] };
  const least = askPcre2(questions, limit / 10);
  // Questions that need more than a tenth of the limit are asked once more, with ten times the limit.
  const slow = questions.flatMap((question, i) => (least[i] === -47 ? [{ question, i }] : []));
  const most = new Map<number, Outcome>();
  const answers = askPcre2(
    slow.map(({ question }) => question),
    limit * 10,
  );
  for (const [n, { i }] of slow.entries()) most.set(i, answers[n] ?? null);
  for (const [i, question] of questions.entries()) {
    const expected = least[i] as Outcome;
    const { pattern, subject, caseless = false } = question;
    const read = translate(pattern, caseless);
    const tree = parsed(pattern, caseless);
    const name = `${JSON.stringify(pattern)}${caseless ? 'i' : ''} over ${JSON.stringify(subject)}`;
    const differs = (what: string, found: unknown, wanted: unknown) =>
      result.differences.push(`${name}: ${what} finds ${shown(found)}, PCRE2 ${shown(wanted)}`);
    if ('mistake' in read || tree instanceof Mistake) {
      if (expected === 'refused' || !('mistake' in read)) continue;
      const { message, untranslatable } = read.mistake;
      if (untranslatable) result.unknown.set(message, (result.unknown.get(message) ?? 0) + 1);
      else differs('the parser', message, expected);
      continue;
    }
    if (expected === 'refused') {
      differs('the parser', 'no mistake', expected);
      continue;
    }
    result.compared++;
    const own = outcome(() => textsOf(search(compileProgram(tree), subject, limit), subject));
    const wanted = expected === -47 ? most.get(i) : expected;
    if (own === -47) result.limited++;
    // Between a tenth of the limit and ten times it either may be.
    const either = expected === -47 && wanted !== -47 && own === -47;
    if (!either && !same(own, wanted)) {
      if (keepsCapturesOfCalls(question, tree.body, own, wanted)) result.declared++;
      else differs('the matcher', own, wanted);
    }
    if (read.pattern.source !== null && subject.length <= read.pattern.longest) {
      result.byV8++;
      const v8 = outcome(() => new Expression(read.pattern).exec(subject));
      if (!same(v8, wanted === -47 ? v8 : wanted)) differs('V8', v8, wanted);
    }
  }
  return result;
}

/**
 * Up to PCRE2 10.42, its interpreter reports groups that were set only during a call, if a group with a higher number is set
 * afterwards: `(?1)(?:x(()b)|())` over `b` sets group 2 (corrected in 10.43, number 31 of its change log). Its JIT compiler
 * resets them, as the matcher does.
 */
function keepsCapturesOfCalls(question: Question, body: Node, own: Outcome, wanted: Outcome | undefined): boolean {
  if (!hasReference(body) || !Array.isArray(own) || !Array.isArray(wanted) || own[0] !== wanted[0]) return false;
  if (wanted.some((text, i) => text !== own[i] && own[i] !== undefined)) return false;
  const [byJit] = askPcre2([question], MATCH_LIMIT, true);
  return same(own, byJit);
}

function outcome(run: () => Outcome): Outcome {
  try {
    return run();
  } catch (error) {
    if (error instanceof MatchFailed) return error.code;
    throw error;
  }
}

function textsOf(groups: Int32Array | null, subject: string): Outcome {
  if (groups === null) return null;
  return Array.from({ length: groups.length / 2 }, (_, i) => {
    const from = groups[2 * i] ?? -1;
    return from < 0 ? undefined : subject.slice(from, groups[2 * i + 1]);
  });
}

function same(one: Outcome | undefined, other: Outcome | undefined): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  const length = Math.max(one.length, other.length);
  for (let i = 0; i < length; i++) if (one[i] !== other[i]) return false;
  return true;
}

function shown(outcome: unknown): string {
  return Array.isArray(outcome) ? JSON.stringify(outcome.map((text) => text ?? null)) : String(outcome);
}
