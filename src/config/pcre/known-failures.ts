/**
 * Failed attempts of a search: the state of the program, the position, and the steps taken. When a state recurs, its
 * steps are counted without being repeated. So an expression that takes exponential time reaches the limit at once,
 * with exactly the steps that it would have taken.
 */
import type { Program, Repeatable } from './program.js';

/** Maximum number of table entries: 16 MiB, of which the system allocates only the pages used. */
const MAX_SIZE = 1 << 22;

export class KnownFailures {
  /** Steps by state, plus one; 0: unknown. */
  private readonly table: Int32Array;
  /** Attempts in progress: height of the stack, state, and steps before it. */
  private readonly inProgress: number[] = [];

  private constructor(
    private readonly repeatable: Repeatable,
    private readonly positions: number,
    size: number,
  ) {
    this.table = new Int32Array(size);
  }

  /** Null if there are too many states, or if the same state does not always fail. */
  static of({ repeatable, code }: Program, end: number): KnownFailures | null {
    if (repeatable === null) return null;
    let size = code.length * (end + 1) * 2 ** repeatable.loops.length;
    for (const { most } of repeatable.counts) size *= most + 1;
    return size <= MAX_SIZE ? new KnownFailures(repeatable, end + 1, size) : null;
  }

  /** Discards the attempts in progress, before the next start position. */
  restart(): void {
    this.inProgress.length = 0;
  }

  /**
   * Steps known to be wasted at this address and position; -1 if it must be tried, which ends when the stack is lower
   * than `top`.
   */
  cost(at: number, pos: number, registers: Int32Array, top: number, steps: number): number {
    const { loops, counts } = this.repeatable;
    let state = at * this.positions + pos;
    for (const register of loops) state = 2 * state + (registers[register] === pos ? 1 : 0);
    for (const { register, most } of counts) {
      state = (most + 1) * state + Math.max(0, Math.min(most, registers[register] as number));
    }
    const cost = this.table[state] as number;
    if (cost === 0) this.inProgress.push(top, state, steps);
    return cost - 1;
  }

  /** Records that everything above `top` has failed, after `steps`. */
  failed(top: number, steps: number): void {
    const { inProgress } = this;
    while (inProgress.length > 0 && (inProgress[inProgress.length - 3] as number) >= top) {
      const before = inProgress.pop() as number; // pushed in threes
      const state = inProgress.pop() as number;
      inProgress.pop();
      this.table[state] = steps - before + 1;
    }
  }

  /**
   * Discards the attempts from `bottom` on, which have succeeded and will not be repeated (an atomic group, a
   * lookaround).
   */
  cut(bottom: number): void {
    const { inProgress } = this;
    while (inProgress.length > 0 && (inProgress[inProgress.length - 3] as number) >= bottom) inProgress.length -= 3;
  }
}
