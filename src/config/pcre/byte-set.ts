/** Sets of bytes: what one item of a regular expression over byte strings can match. */

export class ByteSet {
  private readonly bits = new Uint8Array(256);

  /** A set of single bytes (a string's characters) and ranges (pairs). */
  static of(...members: readonly (string | readonly [number, number])[]): ByteSet {
    const set = new ByteSet();
    for (const member of members) {
      if (typeof member === 'string') {
        for (const character of member) {
          set.addRange(character.charCodeAt(0), character.charCodeAt(0));
        }
      } else {
        set.addRange(...member);
      }
    }
    return set;
  }

  addRange(from: number, to: number): void {
    this.bits.fill(1, from, to + 1);
  }

  remove(byte: number): void {
    this.bits[byte] = 0;
  }

  addAll(other: ByteSet): void {
    for (let byte = 0; byte < 256; byte++) {
      if (other.bits[byte] === 1) this.bits[byte] = 1;
    }
  }

  has(byte: number): boolean {
    return this.bits[byte] === 1;
  }

  get bytes(): number[] {
    const bytes: number[] = [];
    // `indexOf` passes over what is not in the set much faster than a loop would: most sets are one letter of a pattern.
    for (let byte = this.bits.indexOf(1); byte !== -1; byte = this.bits.indexOf(1, byte + 1)) bytes.push(byte);
    return bytes;
  }

  intersects(other: ByteSet): boolean {
    for (let byte = 0; byte < 256; byte++) {
      if (this.bits[byte] === 1 && other.bits[byte] === 1) return true;
    }
    return false;
  }

  inverted(): ByteSet {
    const set = new ByteSet();
    set.bits.set(this.bits.map((bit) => 1 - bit));
    return set;
  }

  /** With the other case of every ASCII letter in it: PCRE folds no others in byte strings. */
  folded(): ByteSet {
    const set = new ByteSet();
    for (const byte of this.bytes) {
      set.addRange(byte, byte);
      if (isLetter(byte)) {
        set.addRange(byte ^ 0x20, byte ^ 0x20);
      }
    }
    return set;
  }

  /**
   * As JavaScript writes it: a character where it is one (also a letter in both cases under the `i` flag), else a class.
   */
  toSource(ignoreCase: boolean): string {
    const bytes = this.bytes;
    const [first, second] = bytes;
    if (first !== undefined && bytes.length === 1) {
      return escapeByte(first, false);
    }
    if (ignoreCase && bytes.length === 2 && first !== undefined && second === (first ^ 0x20) && isLetter(first)) {
      return escapeByte(second, false);
    }
    return bytes.length > 128 ? `[^${this.inverted().ranges()}]` : `[${this.ranges()}]`;
  }

  private ranges(): string {
    let source = '';
    for (let byte = 0; byte < 256; byte++) {
      if (!this.has(byte)) {
        continue;
      }
      const from = byte;
      while (this.has(byte + 1)) {
        byte++;
      }
      const between = byte - from > 1 ? '-' : '';
      source += escapeByte(from, true) + (byte > from ? between + escapeByte(byte, true) : '');
    }
    return source;
  }
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function escapeByte(byte: number, inClass: boolean): string {
  const character = String.fromCharCode(byte);
  if (byte < 0x20 || byte > 0x7e) {
    return `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  const special = inClass ? /[\\\]^-]/ : /[\\^$.*+?()[\]{}|/]/;
  return special.test(character) ? `\\${character}` : character;
}

export const DIGIT = ByteSet.of([0x30, 0x39]);
export const WORD = ByteSet.of([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a], '_');
/** Unlike JavaScript's `\s`, without the no-break space. */
export const SPACE = ByteSet.of('\t\n\v\f\r ');
export const HORIZONTAL = ByteSet.of('\t \xa0');
export const VERTICAL = ByteSet.of('\n\v\f\r\x85');
export const NEWLINE = ByteSet.of('\n');

/** The classes `[:name:]`. */
export const POSIX: ReadonlyMap<string, ByteSet> = new Map(
  Object.entries({
    alpha: ByteSet.of([0x41, 0x5a], [0x61, 0x7a]),
    lower: ByteSet.of([0x61, 0x7a]),
    upper: ByteSet.of([0x41, 0x5a]),
    alnum: ByteSet.of([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a]),
    ascii: ByteSet.of([0, 0x7f]),
    blank: ByteSet.of('\t '),
    cntrl: ByteSet.of([0, 0x1f], '\x7f'),
    digit: DIGIT,
    graph: ByteSet.of([0x21, 0x7e]),
    print: ByteSet.of([0x20, 0x7e]),
    punct: ByteSet.of([0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e]),
    space: SPACE,
    word: WORD,
    xdigit: ByteSet.of([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]),
  }),
);
