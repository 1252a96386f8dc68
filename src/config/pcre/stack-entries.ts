/** Entries on the matcher's stack. */

/** Kinds of stack entries: three numbers, of which the first holds the kind in its lowest bits. */
// biome-ignore lint/suspicious/noConstEnum: its members are constants in the compiled code, so that a switch is a jump table
export const enum Entry {
  /** address, position */
  Alternative,
  /** register, value */
  Restore,
  /** address of the instruction, minimum position, position */
  Greedy,
  /** address of the instruction, position, bytes that may be added */
  Lazy,
}

/** Drops the alternatives from an entry on; register values can still be restored. */
export function keepRestores(entries: Int32Array, from: number, top: number): number {
  let to = from;
  for (let i = from; i < top; i += 3) {
    const word = entries[i] as number;
    if ((word & 3) !== Entry.Restore) continue;
    entries[to] = word;
    entries[to + 1] = entries[i + 1] as number;
    to += 3;
  }
  return to;
}
