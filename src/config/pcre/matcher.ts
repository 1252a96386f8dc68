/**
 * Backtracking matcher with PCRE2's semantics and limits. Pending alternatives are kept on an explicit stack, so that
 * neither a long subject nor a hostile expression can overflow the process stack.
 */
import { bytesOf, sameBytes, WORD } from './bytes.js';
import { KnownFailures } from './known-failures.js';
import { MatchError, MatchFailed } from './match-failed.js';
import { Op } from './opcodes.js';
import { type Program, Register, UNBOUNDED } from './program.js';
import { Entry, keepRestores } from './stack-entries.js';

/** Maximum number of bytes that repetitions and references of one search may read. PCRE2 has no such limit. */
const MAX_SCANNED = 400_000_000;

/** Maximum number of stack elements: 64 MB. */
const MAX_STACK = 1 << 24;
/** Number of stack elements kept between searches. */
const MAX_RETAINED_STACK = 1 << 16;

/** Number of steps after which a search records failures. Most searches take fewer. */
const RECORD_FAILURES_AFTER = 10_000;

/** Maximum number of calls that are not finished, or may be re-entered. */
const MAX_CALLS = 50_000;

/** A group running as a subroutine. */
interface Call {
  readonly group: number;
  readonly from: number;
  readonly continueAt: number;
  readonly outer: number;
  readonly registers: Int32Array;
}

// Only one search runs at a time, so that all share the stack.
let stack = new Int32Array(MAX_RETAINED_STACK);

function grow(): void {
  if (stack.length >= MAX_STACK) throw new MatchFailed(MatchError.Heap);
  const larger = new Int32Array(2 * stack.length);
  larger.set(stack);
  stack = larger;
}

/** Frees the memory that a search has allocated beyond the usual size. */
export function releaseStack(): void {
  if (stack.length > MAX_RETAINED_STACK) stack = new Int32Array(MAX_RETAINED_STACK);
}

/** Attempts to match one subject, at successive positions. */
export class Attempt {
  readonly registers: Int32Array;
  steps = 0;
  private scanned = 0;
  private readonly calls: Call[] = [];
  private failures: KnownFailures | null = null;
  /** Steps left before failures are recorded. */
  private stepsUntilRecording: number;

  constructor(
    private readonly program: Program,
    private readonly text: Uint8Array,
    private readonly end: number,
    recordFailuresAfter = RECORD_FAILURES_AFTER,
  ) {
    this.stepsUntilRecording = recordFailuresAfter;
    this.registers = new Int32Array(program.registers);
  }

  private scan(bytes: number): void {
    this.scanned += bytes;
    if (this.scanned > MAX_SCANNED) throw new MatchFailed(MatchError.Limit);
  }

  /** Whether a match begins at `start`; throws if this takes more than `limit` steps. */
  matches(start: number, limit: number): boolean {
    const { registers, text, end, calls } = this;
    const { code, sets, groups } = this.program;
    const opened = 2 * (groups + 1);
    const fixed = 3 * (groups + 1);
    registers.fill(-1);
    registers[fixed + Register.Frames] = 0;
    let entries = stack;
    let top = 0;
    let at = 0;
    let pos = start;
    // The attempt itself counts as a step.
    let steps = 1;
    // Failures recorded at an earlier start position apply here as well.
    let { failures } = this;
    failures?.restart();
    this.stepsUntilRecording -= this.steps;
    let watched = failures === null ? Math.min(limit, Math.max(0, this.stepsUntilRecording)) : limit;

    for (;;) {
      // An instruction that succeeds continues the loop; one that fails leaves the switch.
      if (top + 16 > entries.length) {
        grow();
        entries = stack;
      }
      if (steps > watched) {
        if (steps > limit) throw new MatchFailed(MatchError.Limit);
        watched = limit;
        failures = this.failures = KnownFailures.of(this.program, end);
      }
      switch (code[at] as Op) {
        case Op.Byte:
          if (pos === end || text[pos] !== code[at + 1]) break;
          pos++;
          at += 2;
          continue;
        case Op.Set:
          if (pos === end || sets[((code[at + 1] as number) << 8) | (text[pos] as number)] === 0) break;
          pos++;
          at += 2;
          continue;
        case Op.Greedy: {
          const set = (code[at + 1] as number) << 8;
          const least = pos + (code[at + 2] as number);
          const max = code[at + 3] as number;
          const most = max >= end - pos ? end : pos + max;
          const to = bytesOf(sets, set, text, pos, most);
          this.scan(to - pos);
          if (to < least) break;
          if (to > least) {
            steps++;
            entries[top] = (at << 2) | Entry.Greedy;
            entries[top + 1] = least;
            entries[top + 2] = to;
            top += 3;
          }
          pos = to;
          at += 5;
          continue;
        }
        case Op.Possessive: {
          const set = (code[at + 1] as number) << 8;
          const least = pos + (code[at + 2] as number);
          const max = code[at + 3] as number;
          const most = max >= end - pos ? end : pos + max;
          const from = pos;
          pos = bytesOf(sets, set, text, pos, most);
          this.scan(pos - from);
          if (pos < least) break;
          at += 4;
          continue;
        }
        case Op.Lazy: {
          const set = (code[at + 1] as number) << 8;
          const min = code[at + 2] as number;
          const max = code[at + 3] as number;
          const least = pos + min;
          if (least > end || bytesOf(sets, set, text, pos, least) < least) break;
          pos = least;
          if (max > min) {
            steps++;
            entries[top] = (at << 2) | Entry.Lazy;
            entries[top + 1] = pos;
            entries[top + 2] = max === UNBOUNDED ? UNBOUNDED : max - min;
            top += 3;
          }
          at += 5;
          continue;
        }
        case Op.Jump:
          at = code[at + 1] as number;
          continue;
        case Op.Split:
          steps++;
          entries[top] = ((code[at + 1] as number) << 2) | Entry.Alternative;
          entries[top + 1] = pos;
          top += 3;
          at += 2;
          continue;
        case Op.Open: {
          const register = opened + (code[at + 1] as number);
          steps++;
          entries[top] = (register << 2) | Entry.Restore;
          entries[top + 1] = registers[register] as number;
          top += 3;
          registers[register] = pos;
          at += 2;
          continue;
        }
        case Op.Close: {
          const group = code[at + 1] as number;
          const register = 2 * group;
          entries[top] = (register << 2) | Entry.Restore;
          entries[top + 1] = registers[register] as number;
          entries[top + 3] = ((register + 1) << 2) | Entry.Restore;
          entries[top + 4] = registers[register + 1] as number;
          top += 6;
          registers[register] = registers[opened + group] as number;
          registers[register + 1] = pos;
          at += 2;
          continue;
        }
        case Op.CountStart: {
          const register = code[at + 1] as number;
          entries[top] = (register << 2) | Entry.Restore;
          entries[top + 1] = registers[register] as number;
          top += 3;
          registers[register] = 0;
          at += 2;
          continue;
        }
        case Op.CountLoop: {
          const count = registers[code[at + 1] as number] as number;
          if (count < (code[at + 2] as number)) at += 6;
          else if (count >= (code[at + 3] as number)) at = code[at + 5] as number;
          else {
            const lazy = code[at + 4] === 1;
            const exit = code[at + 5] as number;
            steps++;
            entries[top] = ((lazy ? at + 6 : exit) << 2) | Entry.Alternative;
            entries[top + 1] = pos;
            top += 3;
            at = lazy ? exit : at + 6;
          }
          continue;
        }
        case Op.Count: {
          const register = code[at + 1] as number;
          const count = registers[register] as number;
          entries[top] = (register << 2) | Entry.Restore;
          entries[top + 1] = count;
          top += 3;
          registers[register] = count + 1;
          at += 2;
          continue;
        }
        case Op.LoopStart: {
          const register = code[at + 1] as number;
          entries[top] = (register << 2) | Entry.Restore;
          entries[top + 1] = registers[register] as number;
          top += 3;
          registers[register] = pos;
          at += 2;
          continue;
        }
        case Op.LoopCheck:
          at = registers[code[at + 1] as number] === pos ? (code[at + 2] as number) : at + 3;
          continue;
        case Op.CountedLoopCheck: {
          const empty = registers[code[at + 1] as number] === pos;
          const enough = (registers[code[at + 2] as number] as number) >= (code[at + 3] as number);
          at = empty && enough ? (code[at + 4] as number) : at + 5;
          continue;
        }
        case Op.Atomic: {
          const register = code[at + 1] as number;
          steps++;
          entries[top] = (register << 2) | Entry.Restore;
          entries[top + 1] = registers[register] as number;
          top += 3;
          registers[register] = top;
          at += 2;
          continue;
        }
        case Op.AtomicEnd: {
          const bottom = registers[code[at + 1] as number] as number;
          top = keepRestores(entries, bottom, top);
          failures?.cut(bottom);
          at += 2;
          continue;
        }
        case Op.Look:
        case Op.LookElse: {
          const register = code[at + 1] as number;
          steps++;
          entries[top] = (register << 2) | Entry.Restore;
          entries[top + 1] = registers[register] as number;
          entries[top + 3] = ((register + 1) << 2) | Entry.Restore;
          entries[top + 4] = registers[register + 1] as number;
          top += 6;
          registers[register] = top;
          registers[register + 1] = pos;
          if (code[at] === Op.Look) {
            at += 2;
            continue;
          }
          entries[top] = ((code[at + 2] as number) << 2) | Entry.Alternative;
          entries[top + 1] = pos;
          top += 3;
          at += 3;
          continue;
        }
        case Op.LookEnd: {
          const register = code[at + 1] as number;
          const bottom = registers[register] as number;
          top = keepRestores(entries, bottom, top);
          failures?.cut(bottom);
          pos = registers[register + 1] as number;
          at += 2;
          continue;
        }
        case Op.ConditionLookEnd: {
          // Groups in a condition keep their captures, even if it is negative.
          const register = code[at + 1] as number;
          top = keepRestores(entries, registers[register] as number, top);
          pos = registers[register + 1] as number;
          at = code[at + 2] as number;
          continue;
        }
        case Op.NegativeLookEnd: {
          const bottom = registers[code[at + 1] as number] as number;
          failures?.cut(bottom);
          while (top > bottom) {
            top -= 3;
            const word = entries[top] as number;
            if ((word & 3) === Entry.Restore) registers[word >> 2] = entries[top + 1] as number;
          }
          break;
        }
        case Op.Back:
          pos -= code[at + 1] as number;
          if (pos < 0) break;
          at += 2;
          continue;
        case Op.BackCheck:
          if (registers[(code[at + 1] as number) + 1] !== pos) break;
          at += 2;
          continue;
        case Op.Reference:
        case Op.CaselessReference: {
          const group = code[at + 1] as number;
          const from = registers[2 * group] as number;
          const length = (registers[2 * group + 1] as number) - from;
          if (from < 0 || length > end - pos) break;
          this.scan(length);
          if (!sameBytes(text, from, pos, length, code[at] === Op.CaselessReference)) break;
          pos += length;
          at += 2;
          continue;
        }
        case Op.Call: {
          const group = code[at + 1] as number;
          const frame = fixed + Register.Frame;
          const outer = registers[frame] as number;
          const count = registers[frame + 1] as number;
          for (let i = outer; i >= 0; i = (calls[i] as Call).outer) {
            const call = calls[i] as Call;
            if (call.group === group && call.from === pos) throw new MatchFailed(MatchError.RecursionLoop);
          }
          if (count >= MAX_CALLS) throw new MatchFailed(MatchError.Heap);
          steps++;
          calls[count] = { group, from: pos, continueAt: at + 3, outer, registers: registers.slice() };
          entries[top] = (frame << 2) | Entry.Restore;
          entries[top + 1] = outer;
          entries[top + 3] = ((frame + 1) << 2) | Entry.Restore;
          entries[top + 4] = count;
          top += 6;
          registers[frame] = count;
          registers[frame + 1] = count + 1;
          at = code[at + 2] as number;
          continue;
        }
        case Op.Return: {
          const frame = fixed + Register.Frame;
          const index = registers[frame] as number;
          const call = calls[index];
          if (call === undefined || call.group !== code[at + 1]) {
            at += 2;
            continue;
          }
          // Restores the groups as before the call; the calls made in it can still be re-entered.
          for (let register = 0; register < registers.length; register++) {
            const value = register === frame + 1 ? registers[register] : call.registers[register];
            if (value === registers[register] || register === fixed + Register.Keep) continue;
            if (top + 16 > entries.length) {
              grow();
              entries = stack;
            }
            entries[top] = (register << 2) | Entry.Restore;
            entries[top + 1] = registers[register] as number;
            top += 3;
            registers[register] = value as number;
          }
          at = call.continueAt;
          continue;
        }
        case Op.IfGroup:
          at = (registers[2 * (code[at + 1] as number)] as number) >= 0 ? at + 3 : (code[at + 2] as number);
          continue;
        case Op.IfCalled: {
          const call = calls[registers[fixed + Register.Frame] as number];
          const group = code[at + 1] as number;
          at = call !== undefined && (group < 0 || call.group === group) ? at + 3 : (code[at + 2] as number);
          continue;
        }
        case Op.Keep:
          entries[top] = ((fixed + Register.Keep) << 2) | Entry.Restore;
          entries[top + 1] = registers[fixed + Register.Keep] as number;
          top += 3;
          registers[fixed + Register.Keep] = pos;
          at += 1;
          continue;
        case Op.Start:
          if (pos !== 0) break;
          at += 1;
          continue;
        case Op.End:
          if (pos !== end && !(pos === end - 1 && text[pos] === 0x0a)) break;
          at += 1;
          continue;
        case Op.VeryEnd:
          if (pos !== end) break;
          at += 1;
          continue;
        case Op.LineStart:
          if (pos !== 0 && (text[pos - 1] !== 0x0a || pos === end)) break;
          at += 1;
          continue;
        case Op.LineEnd:
          if (pos !== end && text[pos] !== 0x0a) break;
          at += 1;
          continue;
        case Op.WordBoundary:
        case Op.NoWordBoundary: {
          const before = pos > 0 && WORD[text[pos - 1] as number] === 1;
          const behind = pos < end && WORD[text[pos] as number] === 1;
          if ((before !== behind) !== (code[at] === Op.WordBoundary)) break;
          at += 1;
          continue;
        }
        case Op.Match: {
          const keep = registers[fixed + Register.Keep] as number;
          registers[0] = keep >= 0 ? keep : start;
          registers[1] = pos;
          this.steps = steps;
          return true;
        }
      }

      // Backtracks to the last entry with an alternative.
      for (;;) {
        failures?.failed(top, steps);
        if (top === 0) {
          this.steps = steps;
          return false;
        }
        top -= 3;
        const word = entries[top] as number;
        const kind = word & 3;
        if (kind === Entry.Restore) {
          registers[word >> 2] = entries[top + 1] as number;
          continue;
        }
        at = word >> 2;
        if (kind === Entry.Alternative) {
          pos = entries[top + 1] as number;
        } else if (kind === Entry.Greedy) {
          const next = code[at + 4] as number;
          const least = entries[top + 1] as number;
          const from = entries[top + 2] as number;
          pos = from - 1;
          if (next >= 0) while (pos > least && text[pos] !== next) pos--;
          steps += from - pos;
          if (pos > least) {
            entries[top + 2] = pos;
            top += 3;
          }
          at += 5;
        } else {
          const next = code[at + 4] as number;
          const set = (code[at + 1] as number) << 8;
          const from = entries[top + 1] as number;
          const most = Math.min(end, from + (entries[top + 2] as number));
          pos = from;
          let fits = false;
          while (pos < most && sets[set | (text[pos] as number)] === 1) {
            pos++;
            if (next < 0 || (pos < end && text[pos] === next)) {
              fits = true;
              break;
            }
          }
          steps += pos - from;
          if (!fits) continue;
          const rest = entries[top + 2] as number;
          entries[top + 1] = pos;
          entries[top + 2] = rest === UNBOUNDED ? rest : rest - (pos - from);
          top += 3;
          at += 5;
        }
        if (failures === null) break;
        const cost = failures.cost(at, pos, registers, top, steps);
        if (cost < 0) break;
        steps += cost;
        if (steps > limit) throw new MatchFailed(MatchError.Limit);
      }
    }
  }
}
