/**
 * One field line (RFC 9112 5), as strict as nginx: a space before the colon, folding, NUL and bare CR are refused. Like
 * there, several CRs may stand in front of the line feed, and a line that is nothing but a name has an empty value.
 */
import type { HeaderBlock } from './header-block.js';

/** The field was added to the block. */
export const ACCEPTED = -1;
/** The name holds odd characters, and such lines are to be dropped. */
export const DROPPED = -2;

const BREAK = /[\0\r\n]/;
const BREAKS = /[\0\r\n]+/g;

/**
 * A value that a configuration puts together, as it may stand in a field line: a line break in it (a decoded `$uri` may
 * bring one) would begin a field, or a message, of the client's choice. RFC 9110 5.5: replaced by a space.
 */
export function fieldValue(value: string): string {
  return BREAK.test(value) ? value.replace(BREAKS, ' ') : value;
}

/** A token (RFC 9110 5.6.2): a method, or the name of a field. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Bytes of a name: 1 usual, 2 underscore, 3 odd, 0 never. */
const NAME_BYTE: Uint8Array = new Uint8Array(256).fill(3);
for (let c = 0; c <= 32; c++) NAME_BYTE[c] = 0;
NAME_BYTE[127] = 0;
NAME_BYTE[58] = 0;
for (const c of '0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') NAME_BYTE[c.charCodeAt(0)] = 1;
NAME_BYTE[95] = 2;

/**
 * Parses the line from `start` to `end` (line break not included) of `block.text` into the block. Returns ACCEPTED,
 * DROPPED, or the offset of the byte for which the whole head is to be refused.
 */
export function parseFieldLine(
  block: HeaderBlock,
  start: number,
  end: number,
  underscores: boolean,
  dropOdd: boolean,
): number {
  const { text } = block;
  let p = start;
  let odd = false;
  let last = end;
  while (last > start && text.charCodeAt(last - 1) === 13) last--;
  for (; p < last; p++) {
    const kind = NAME_BYTE[text.charCodeAt(p)];
    if (kind === 1) continue;
    if (kind === 0) break;
    if (kind === 3 || !underscores) odd = true;
  }
  if (p === start || (p < last && text.charCodeAt(p) !== 58)) return p;
  const nameEnd = p;
  let valueStart = p < last ? p + 1 : last;
  while (valueStart < last && text.charCodeAt(valueStart) === 32) valueStart++;
  let valueEnd = last;
  while (valueEnd > valueStart && text.charCodeAt(valueEnd - 1) === 32) valueEnd--;
  for (let i = valueStart; i < valueEnd; i++) {
    const c = text.charCodeAt(i);
    if (c === 0 || c === 13) return i;
  }
  if (odd && dropOdd) {
    // The lines around it no longer lie side by side.
    block.canonical = false;
    return DROPPED;
  }
  if (valueEnd !== end || valueStart !== nameEnd + 2) block.canonical = false;
  block.push(start, nameEnd, valueStart, valueEnd);
  return ACCEPTED;
}
