/** Turns bytes of one character set into those of another, piece by piece. */

/** From a byte of one character set to the bytes of another. */
export type CharsetTable = readonly (readonly [from: number, to: string])[];

export interface Recoder {
  /** The bytes that the piece becomes. A character that is cut off at its end comes out with the next piece. */
  push(bytes: string): string;
}

/** What stands for a character that the table does not know. */
const UNKNOWN = '?';

/** From a single-byte character set: bytes below 128 stay, unless the table says otherwise. */
export class ByteRecoder implements Recoder {
  private readonly bytes: string[];

  constructor(table: CharsetTable) {
    this.bytes = Array.from({ length: 256 }, (_, byte) => (byte < 128 ? String.fromCharCode(byte) : UNKNOWN));
    for (const [from, to] of table) this.bytes[from] = to;
  }

  push(bytes: string): string {
    let out = '';
    // Every byte has an entry.
    for (let i = 0; i < bytes.length; i++) out += this.bytes[bytes.charCodeAt(i)] as string;
    return out;
  }
}

/** The table read from right to left; of several bytes that become the same one, the last counts. */
export function reversed(table: CharsetTable): CharsetTable {
  return table.map(([from, to]) => [to.charCodeAt(0), String.fromCharCode(from)] as const);
}

const INCOMPLETE = -1;
const INVALID = -2;

/** From UTF-8 to the single-byte set of the table; a character that is not in it becomes an HTML reference (`&#1234;`). */
export class Utf8Recoder implements Recoder {
  private readonly bytes = new Map<number, string>();
  private kept = '';
  /** Where `decode` stopped. */
  private at = 0;

  constructor(table: CharsetTable) {
    for (const [from, to] of table) {
      const code = this.decode(to, 0);
      if (code >= 0) this.bytes.set(code, String.fromCharCode(from));
    }
  }

  push(piece: string): string {
    const text = this.kept + piece;
    this.kept = '';
    let out = '';
    this.at = 0;
    while (this.at < text.length) {
      const start = this.at;
      const code = this.decode(text, start);
      if (code === INCOMPLETE) {
        this.kept = text.slice(start);
        break;
      }
      if (code === INVALID) out += UNKNOWN;
      else out += this.bytes.get(code) ?? (code < 128 ? String.fromCharCode(code) : `&#${code};`);
    }
    return out;
  }

  private decode(text: string, from: number): number {
    const lead = text.charCodeAt(from);
    this.at = from + 1;
    if (lead < 0x80) return lead;
    if (lead < 0xc2 || lead >= 0xf8) return INVALID;
    const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (text.length - from <= more) return INCOMPLETE;
    let code = lead & (0x3f >> more);
    for (let i = 1; i <= more; i++) {
      this.at = from + i + 1;
      const byte = text.charCodeAt(from + i);
      if (byte < 0x80) return INVALID;
      code = code * 64 + (byte & 0x3f);
    }
    // What a shorter sequence could say, and what lies beyond Unicode, is not UTF-8.
    const shorter = more === 3 ? 0xffff : more === 2 ? 0x7ff : 0x7f;
    return code > shorter && code <= 0x10ffff ? code : INVALID;
  }
}
