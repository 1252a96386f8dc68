/**
 * Attempts of a search that failed: the state of the program, the position, and the steps taken. The next time
 * these steps are counted, and not carried out again. So an expression that takes exponential time reaches the limit at once,
 * with exactly the steps that it would have taken.
 */
import type { Program } from './program.js';

/** Entries of the table: 16 MiB, of which the system provides what is used. */
const MAX_SIZE = 1 << 22;

/**
 * Registers that decide where the program continues. With them, address and position, an attempt is repeated exactly; groups
 * matter only to references and conditions, whose programs are not repeatable.
 */
export interface Repeatable {
  /** Where an iteration of a loop began: it matters whether that is the present position. */
  readonly loops: readonly number[];
  /** Numbers of iterations, and those from which on a higher one makes no difference. */
  readonly counts: readonly { readonly register: number; readonly most: number }[];
}

export class KnownFailures {
  /** Steps by state, and one more; 0: not known. */
  private readonly table: Int32Array;
  /** Attempts under way: height of the stack, state, and steps before it. */
  private readonly tried: number[] = [];

  private constructor(
    private readonly repeatable: Repeatable,
    private readonly positions: number,
    size: number,
  ) {
    this.table = new Int32Array(size);
  }

  /** Null where there are too many states, or the same state does not always fail. */
  static of({ repeatable, code }: Program, end: number): KnownFailures | null {
    if (repeatable === null) return null;
    let size = code.length * (end + 1) * 2 ** repeatable.loops.length;
    for (const { most } of repeatable.counts) size *= most + 1;
    return size <= MAX_SIZE ? new KnownFailures(repeatable, end + 1, size) : null;
  }

  /** Forgets what is being tried: another attempt begins. */
  restart(): void {
    this.tried.length = 0;
  }

  /**
   * Steps that are known to be taken in vain at this address and position; -1 where it must be tried, which ends when the
   * stack is lower than `top`.
   */
  cost(at: number, pos: number, registers: Int32Array, top: number, steps: number): number {
    const { loops, counts } = this.repeatable;
    let state = at * this.positions + pos;
    for (const register of loops) state = 2 * state + (registers[register] === pos ? 1 : 0);
    for (const { register, most } of counts) {
      state = (most + 1) * state + Math.max(0, Math.min(most, registers[register] as number));
    }
    const known = this.table[state] as number;
    if (known === 0) this.tried.push(top, state, steps);
    return known - 1;
  }

  /** All above `top` has failed, after `steps`. */
  failed(top: number, steps: number): void {
    const { tried } = this;
    while (tried.length > 0 && (tried[tried.length - 3] as number) >= top) {
      const before = tried.pop() as number; // they are pushed in threes
      const state = tried.pop() as number;
      tried.pop();
      this.table[state] = steps - before + 1;
    }
  }

  /** The attempts from `bottom` on have succeeded, and will not be repeated (an atomic group, a lookaround). */
  cut(bottom: number): void {
    const { tried } = this;
    while (tried.length > 0 && (tried[tried.length - 3] as number) >= bottom) tried.length -= 3;
  }
}
