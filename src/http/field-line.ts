/**
 * Parser of field lines (RFC 9112 5), as strict as nginx: a space before the colon, obsolete line folding, NUL and bare
 * CR are rejected. As in nginx, several CRs may precede the LF, and a line that consists of a name only has an empty
 * value.
 */
import type { HeaderBlock } from './header-block.js';

/** The field was added to the block. */
export const ACCEPTED = -1;
/** The name contains unusual characters, and such lines are dropped. */
export const DROPPED = -2;

const BREAK = /[\0\r\n]/;
const BREAKS = /[\0\r\n]+/g;

/**
 * Makes a configured value safe for a field line: a line break in it (for example from a decoded `$uri`) would let the
 * client inject a field or message. RFC 9110 5.5: replaced by a space.
 */
export function fieldValue(value: string): string {
  return BREAK.test(value) ? value.replace(BREAKS, ' ') : value;
}

/** Whether the text is a token (RFC 9110 5.6.2), such as a method or a field name. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Classes of name bytes: 1 usual, 2 underscore, 3 unusual, 0 invalid. */
const NAME_BYTE: Uint8Array = new Uint8Array(256).fill(3);
for (let c = 0; c <= 32; c++) NAME_BYTE[c] = 0;
NAME_BYTE[127] = 0;
NAME_BYTE[58] = 0;
for (const c of '0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') NAME_BYTE[c.charCodeAt(0)] = 1;
NAME_BYTE[95] = 2;

/**
 * Parses the line from `start` to `end` (without line break) of `block.text` into the block. Returns ACCEPTED, DROPPED,
 * or the offset of the byte for which the head is rejected.
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
    // The adjacent lines are no longer contiguous.
    block.canonical = false;
    return DROPPED;
  }
  if (valueEnd !== end || valueStart !== nameEnd + 2) block.canonical = false;
  block.push(start, nameEnd, valueStart, valueEnd);
  return ACCEPTED;
}

/** Parts of a field line; the state is the part that contains the next byte. */
const START = 0;
const NAME = 1;
const VALUE = 2;
const LINE_END = 3;
const BLANK_LINE_END = 4;

/** An incomplete field line: checks each byte once, as it arrives. */
export class UnfinishedLine {
  private part = START;
  /** Offset of the invalid byte in the last text checked. */
  private bad = -1;
  /** Bytes of the line before that text. */
  private before = 0;

  begin(): void {
    this.part = START;
    this.before = 0;
  }

  /** Checks bytes `from` to `to`, the continuation of the line, which contain no LF. */
  valid(text: string, from: number, to: number): boolean {
    for (let i = from; i < to; i++) {
      const c = text.charCodeAt(i);
      const next = partAfter(this.part, c);
      if (next < 0) {
        this.bad = this.before + i - from;
        return false;
      }
      this.part = next;
    }
    this.before += to - from;
    return true;
  }

  /** Offset in the line of the byte for which it is rejected; for a CR not followed by LF, that of the CR. */
  invalidAt(line: string): number {
    return this.part === LINE_END || this.part === BLANK_LINE_END ? line.indexOf('\r') : this.bad;
  }
}

/** Returns the part after a byte; -1 if the byte is invalid there. */
function partAfter(part: number, c: number): number {
  switch (part) {
    case START:
      if (c === 13) return BLANK_LINE_END;
      return NAME_BYTE[c] === 0 ? -1 : NAME;
    case NAME:
      if (c === 58) return VALUE;
      if (c === 13) return LINE_END;
      return NAME_BYTE[c] === 0 ? -1 : NAME;
    case VALUE:
      if (c === 13) return LINE_END;
      return c === 0 ? -1 : VALUE;
    case LINE_END:
      return c === 13 ? LINE_END : -1;
    default:
      return -1;
  }
}
