/** Ranges of IPv4 addresses with values, as built up line by line by `geo … ranges`. */

interface Range {
  start: number;
  end: number;
  value: string;
}

/** Result of adding a range: the range that it replaced or conflicts with, if any. */
export type RangeOutcome =
  | { readonly kind: 'added' }
  | { readonly kind: 'duplicate'; readonly value: string }
  | { readonly kind: 'overlap'; readonly start: number; readonly end: number };

/** Number of addresses in one list; they share their upper 16 bits. */
const LOW = 0x10000;

/**
 * Set of address ranges. Addresses are whole numbers below 2^32. As in nginx, ranges are stored per upper half of the
 * address, and the rules apply there: a range may lie within an existing one but not across its border, and only an
 * existing range can be deleted.
 */
export class AddressRanges {
  private readonly lists = new Map<number, Range[]>();

  /** Adds a range; `end` is inclusive. */
  add(start: number, end: number, value: string): RangeOutcome {
    let outcome: RangeOutcome = { kind: 'added' };
    for (const [high, from, to] of pieces(start, end)) {
      let list = this.lists.get(high);
      if (list === undefined) this.lists.set(high, (list = []));
      const result = insert(list, { start: from, end: to, value });
      if (result.kind === 'overlap') {
        return { kind: 'overlap', start: high * LOW + result.start, end: high * LOW + result.end };
      }
      if (result.kind !== 'added') outcome = result;
    }
    return outcome;
  }

  /** Deletes a range; false if it, or a part of it, does not exist. */
  delete(start: number, end: number): boolean {
    let all = true;
    for (const [high, from, to] of pieces(start, end)) {
      const list = this.lists.get(high) ?? [];
      const at = list.findIndex((range) => range.start === from && range.end === to);
      if (at < 0) all = false;
      else list.splice(at, 1);
    }
    return all;
  }

  /** All ranges in ascending order; adjacent ones with the same value are merged. */
  all(): (readonly [start: number, end: number, value: string])[] {
    const ranges: [number, number, string][] = [];
    for (const high of [...this.lists.keys()].sort((a, b) => a - b)) {
      for (const { start, end, value } of this.lists.get(high) ?? []) {
        const last = ranges.at(-1);
        if (last !== undefined && last[1] + 1 === high * LOW + start && last[2] === value) last[1] = high * LOW + end;
        else ranges.push([high * LOW + start, high * LOW + end, value]);
      }
    }
    return ranges;
  }
}

/** Splits a range by upper half; yields the first and the last lower half of each part. */
function* pieces(start: number, end: number): Generator<readonly [high: number, from: number, to: number]> {
  const last = Math.floor(end / LOW);
  for (let high = Math.floor(start / LOW); high <= last; high++) {
    yield [high, Math.max(start - high * LOW, 0), Math.min(end - high * LOW, LOW - 1)];
  }
}

function insert(list: Range[], range: Range): RangeOutcome {
  // Searched from the end, because long lists are mostly written in ascending order.
  let at = list.length;
  while (at > 0 && range.end < (list[at - 1] as Range).start) at--;
  const before = list[at - 1];
  if (before === undefined || range.start > before.end) {
    list.splice(at, 0, range);
    return { kind: 'added' };
  }
  if (range.start === before.start && range.end === before.end) {
    const { value } = before;
    before.value = range.value;
    return { kind: 'duplicate', value };
  }
  if (range.start < before.start || range.end > before.end) {
    return { kind: 'overlap', start: before.start, end: before.end };
  }
  const parts = [{ ...before, end: range.start - 1 }, range, { ...before, start: range.end + 1 }].filter(
    ({ start, end }) => start <= end,
  );
  list.splice(at - 1, 1, ...parts);
  return { kind: 'added' };
}
