/** Converts between character sets, chunk by chunk. */

/** Maps bytes of one character set to byte sequences of another. */
export type CharsetTable = readonly (readonly [from: number, to: string])[];

export interface Recoder {
  /** Converts a chunk. A character split at the end of the chunk is returned with the next one. */
  push(bytes: string): string;
}

/** Replacement for characters missing in the table. */
const UNKNOWN = '?';

/** Converts from a single-byte character set: bytes below 128 are unchanged unless the table contains them. */
export class ByteRecoder implements Recoder {
  private readonly bytes: string[];

  constructor(table: CharsetTable) {
    this.bytes = Array.from({ length: 256 }, (_, byte) => (byte < 128 ? String.fromCharCode(byte) : UNKNOWN));
    for (const [from, to] of table) this.bytes[from] = to;
  }

  push(bytes: string): string {
    let out = '';
    // The table contains every byte.
    for (let i = 0; i < bytes.length; i++) out += this.bytes[bytes.charCodeAt(i)] as string;
    return out;
  }
}

/** Inverts a table; if several bytes map to the same one, the last takes effect. */
export function reversed(table: CharsetTable): CharsetTable {
  return table.map(([from, to]) => [to.charCodeAt(0), String.fromCharCode(from)] as const);
}

const INCOMPLETE = -1;
const INVALID = -2;

/** Converts from UTF-8 to the single-byte set of the table; missing characters become HTML references (`&#1234;`). */
export class Utf8Recoder implements Recoder {
  private readonly bytes = new Map<number, string>();
  private kept = '';
  /** Offset at which `decode` stopped. */
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
    // Overlong sequences and code points beyond Unicode are invalid UTF-8.
    const shorter = more === 3 ? 0xffff : more === 2 ? 0x7ff : 0x7f;
    return code > shorter && code <= 0x10ffff ? code : INVALID;
  }
}
