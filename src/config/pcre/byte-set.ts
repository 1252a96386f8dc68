/** Sets of bytes: the bytes that one item of a regular expression over byte strings can match. */

export class ByteSet {
  /** One bit for each byte, 32 per word. An array this short is allocated in V8's own heap, at almost no cost. */
  private readonly words = new Int32Array(8);

  /** Creates a set of single bytes (the characters of a string) and ranges (pairs). */
  static of(...members: readonly (string | readonly [number, number])[]): ByteSet {
    const set = new ByteSet();
    for (const member of members) {
      if (typeof member === 'string') {
        for (let i = 0; i < member.length; i++) set.add(member.charCodeAt(i));
      } else {
        set.addRange(...member);
      }
    }
    return set;
  }

  add(byte: number): void {
    this.words[byte >> 5] = this.word(byte) | (1 << (byte & 31));
  }

  addRange(from: number, to: number): void {
    for (let byte = from; byte <= to; byte++) this.add(byte);
  }

  remove(byte: number): void {
    this.words[byte >> 5] = this.word(byte) & ~(1 << (byte & 31));
  }

  addAll(other: ByteSet): void {
    for (let byte = 0; byte < 256; byte += 32) this.words[byte >> 5] = this.word(byte) | other.word(byte);
  }

  has(byte: number): boolean {
    return ((this.word(byte) >> (byte & 31)) & 1) === 1;
  }

  /** The word that contains the bit of a byte; 0 past the last. */
  private word(byte: number): number {
    return this.words[byte >> 5] ?? 0;
  }

  get bytes(): number[] {
    const bytes: number[] = [];
    for (let first = 0; first < 256; first += 32) {
      // The lowest bit set is the next byte; it is then cleared.
      for (let word = this.word(first); word !== 0; word &= word - 1) bytes.push(first + 31 - Math.clz32(word & -word));
    }
    return bytes;
  }

  /** Number of bytes. */
  get size(): number {
    let size = 0;
    for (const word of this.words) for (let rest = word; rest !== 0; rest &= rest - 1) size++;
    return size;
  }

  /** Whether the set consists of one letter in both cases. */
  get isLetterInBothCases(): boolean {
    const [upper = 0, lower = 0, third] = this.bytes;
    return third === undefined && lower === (upper ^ 0x20) && isLetter(upper);
  }

  intersects(other: ByteSet): boolean {
    for (let byte = 0; byte < 256; byte += 32) if ((this.word(byte) & other.word(byte)) !== 0) return true;
    return false;
  }

  inverted(): ByteSet {
    const set = new ByteSet();
    for (let byte = 0; byte < 256; byte += 32) set.words[byte >> 5] = ~this.word(byte);
    return set;
  }

  /** The set with the other case of every ASCII letter added: PCRE folds no others in byte strings. */
  folded(): ByteSet {
    const set = new ByteSet();
    for (const byte of this.bytes) {
      set.add(byte);
      if (isLetter(byte)) set.add(byte ^ 0x20);
    }
    return set;
  }

  /**
   * JavaScript notation: a single character if possible (also for a letter in both cases under the `i` flag), else a
   * class.
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

/** Notation of each byte alone, and in a class. */
const ALONE = Array.from({ length: 256 }, (_, byte) => escaped(byte, false));
const IN_CLASS = Array.from({ length: 256 }, (_, byte) => escaped(byte, true));

function escapeByte(byte: number, inClass: boolean): string {
  return (inClass ? IN_CLASS : ALONE)[byte] ?? '';
}

function escaped(byte: number, inClass: boolean): string {
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
