/**
 * Instructions of the backtracking matcher. An instruction is its opcode and its operands, each a number of a program's
 * code. `set` is the index of a byte set, `target` an index into the code, `r` the first of the registers that it uses.
 */
// biome-ignore lint/suspicious/noConstEnum: its members are constants in the compiled code, so that a switch is a jump table
export const enum Op {
  /** End of the expression. */
  Match,
  /** byte */
  Byte,
  /** set */
  Set,
  /** set, min, max, next: bytes of a set, as many as possible. `next`: the byte that has to follow, or -1. */
  Greedy,
  /** set, min, max, next: as few as possible. */
  Lazy,
  /** set, min, max: as many as possible, none of which is given back. */
  Possessive,
  /** target */
  Jump,
  /** target: continues here and, if that fails, there. */
  Split,
  /** group: beginning of a capturing group. */
  Open,
  /** group */
  Close,
  /** r: starts counting repetitions. */
  CountStart,
  /** r, min, max, lazy, exit: another repetition follows, or the loop ends. Directly behind it stands `Count`. */
  CountLoop,
  /** r */
  Count,
  /** r: remembers the position at which a repetition begins. */
  LoopStart,
  /** r, exit: leaves the loop if the repetition has matched nothing. */
  LoopCheck,
  /** r, count, min, exit: the same, from the last required repetition on. */
  CountedLoopCheck,
  /** r: beginning of an atomic group. */
  Atomic,
  /** r */
  AtomicEnd,
  /** r: beginning of a positive lookaround. */
  Look,
  /** r */
  LookEnd,
  /** r, target: beginning of a lookaround; continues there if its body does not match. */
  LookElse,
  /** r: the body of a negative lookaround has matched. */
  NegativeLookEnd,
  /** r, target: the same in a condition; continues there. */
  ConditionLookEnd,
  /** distance: moves back in the subject. */
  Back,
  /** r: the body of a lookbehind has to end where it was begun. */
  BackCheck,
  /** group */
  Reference,
  /** group */
  CaselessReference,
  /** group, target of the group's beginning */
  Call,
  /** group: end of a group that may have been called. */
  Return,
  /** group, target: continues there if the group has not matched. */
  IfGroup,
  /** group, target: continues there unless inside of a call of that group; -1: of any. */
  IfCalled,
  /** The match begins here (`\K`). */
  Keep,
  /** `^` */
  Start,
  /** `$`: at the end, or before a line break that ends the subject. */
  End,
  /** `\z` */
  VeryEnd,
  /** Multi-line `^` and `$`. */
  LineStart,
  LineEnd,
  /** `\b` and `\B`. */
  WordBoundary,
  NoWordBoundary,
}
