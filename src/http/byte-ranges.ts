/** Byte ranges of the `Range` field (RFC 9110 14.1.2), parsed as in nginx. */

/** From `start` (inclusive) to `end` (exclusive). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** `unsatisfiable`: respond with 416. `ignored`: respond as if no range had been requested. */
export type Ranges = readonly ByteRange[] | 'unsatisfiable' | 'ignored';

const SPEC = / *(?:(\d+) *- *(\d*)|-(\d+)) *(,|$)/y;

/**
 * Returns the ranges requested by a `Range` value for content of `length` bytes, in the order requested. `value` starts
 * with `bytes=`. More than `max` ranges (-1: unlimited), or overlapping ranges whose total exceeds the content, are
 * ignored.
 */
export function parseByteRanges(value: string, length: number, max: number): Ranges {
  const ranges: ByteRange[] = [];
  let size = 0;
  SPEC.lastIndex = 'bytes='.length;
  for (;;) {
    const spec = SPEC.exec(value);
    if (spec === null) return 'unsatisfiable';
    const [, first, last, suffix, separator] = spec;
    const range = resolve(first, last, suffix, length);
    if (range === null) return 'unsatisfiable';
    if (range.start < range.end) {
      ranges.push(range);
      size += range.end - range.start;
      if (max >= 0 && ranges.length > max) return 'ignored';
    } else if (range.start === 0) return 'ignored';
    if (separator !== ',') break;
  }
  if (ranges.length === 0) return 'unsatisfiable';
  if (ranges.length > 1) {
    if (size > length) return 'ignored';
    // Without `max_ranges`, ranges are ignored if the part headers would make the response longer than the whole
    // content.
    if (max < 0 && size + ranges.length * 256 > length + 4096) return 'ignored';
  }
  return ranges;
}

/** Returns null for numbers beyond any file size. */
function resolve(
  first: string | undefined,
  last: string | undefined,
  suffix: string | undefined,
  length: number,
): ByteRange | null {
  if (suffix !== undefined) {
    const count = Number(suffix);
    if (count >= 2 ** 63) return null;
    return { start: count < length ? length - count : 0, end: length };
  }
  const start = Number(first);
  if (last === undefined || last === '') return start >= 2 ** 63 ? null : { start, end: length };
  const end = Number(last);
  if (start >= 2 ** 63 || end >= 2 ** 63) return null;
  return { start, end: Math.min(end + 1, length) };
}
