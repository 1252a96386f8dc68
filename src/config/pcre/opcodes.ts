/**
 * Instructions of the backtracking matcher. An instruction is its opcode and its operands, each a number in a program's
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
  /** set, min, max, next: bytes of a set, as many as possible. `next`: the byte that must follow, or -1. */
  Greedy,
  /** set, min, max, next: as few as possible. */
  Lazy,
  /** set, min, max: as many as possible, without giving any back. */
  Possessive,
  /** target */
  Jump,
  /** target: continues here or, if that fails, at the target. */
  Split,
  /** group: beginning of a capturing group. */
  Open,
  /** group */
  Close,
  /** r: starts counting repetitions. */
  CountStart,
  /** r, min, max, lazy, exit: starts another repetition, or ends the loop. `Count` follows directly. */
  CountLoop,
  /** r */
  Count,
  /** r: stores the position at which a repetition begins. */
  LoopStart,
  /** r, exit: leaves the loop if the repetition has matched nothing. */
  LoopCheck,
  /** r, count, min, exit: like `LoopCheck`, from the last required repetition on. */
  CountedLoopCheck,
  /** r: beginning of an atomic group. */
  Atomic,
  /** r */
  AtomicEnd,
  /** r: beginning of a positive lookaround. */
  Look,
  /** r */
  LookEnd,
  /** r, target: beginning of a lookaround; continues at the target if its body does not match. */
  LookElse,
  /** r: the body of a negative lookaround has matched. */
  NegativeLookEnd,
  /** r, target: like `NegativeLookEnd`, in a condition; continues at the target. */
  ConditionLookEnd,
  /** distance: moves back in the subject. */
  Back,
  /** r: the body of a lookbehind must end where the lookbehind began. */
  BackCheck,
  /** group */
  Reference,
  /** group */
  CaselessReference,
  /** group, target of the group's beginning */
  Call,
  /** group: end of a group that may have been called. */
  Return,
  /** group, target: continues at the target if the group has not matched. */
  IfGroup,
  /** group, target: continues at the target unless inside a call of that group; -1: of any. */
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
