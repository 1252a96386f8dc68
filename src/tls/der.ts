/**
 * Distinguished encoding rules of ASN.1 (X.690), as far as certificates and OCSP messages use them: tags of one byte,
 * definite lengths. Values are slices of the encoding; nothing is copied.
 */

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OBJECT_IDENTIFIER = 0x06;
export const ENUMERATED = 0x0a;
export const UTF8_STRING = 0x0c;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** Tag of an explicitly tagged value in its context: `[n]`. */
export function explicit(number: number): number {
  return 0xa0 | number;
}

/** Tag of an implicitly tagged primitive value in its context. */
export function implicit(number: number): number {
  return 0x80 | number;
}

/** Error: the bytes are not a valid encoding of the expected structure. */
export class DerError extends Error {}

/** One value. */
export interface DerValue {
  readonly tag: number;
  /** Content, without tag and length. */
  readonly content: Buffer;
  /** The whole encoding. */
  readonly encoding: Buffer;
}

/** Reads values one after the other. Throws DerError. */
export class DerReader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  /** Tag of the next value; -1 at the end. */
  get tag(): number {
    return this.bytes[this.at] ?? -1;
  }

  /** Reads the next value, which must have that tag; any if it is omitted. */
  next(tag?: number): DerValue {
    const { bytes, at } = this;
    const found = bytes[at];
    const first = bytes[at + 1];
    if (found === undefined || first === undefined) throw new DerError('not enough data');
    if ((found & 0x1f) === 0x1f) throw new DerError('unsupported tag');
    if (tag !== undefined && found !== tag) throw new DerError('wrong tag');
    let start = at + 2;
    let length = first;
    if (first >= 0x80) {
      const size = first & 0x7f;
      if (size === 0 || size > 4) throw new DerError('bad length');
      if (start + size > bytes.length) throw new DerError('not enough data');
      length = bytes.readUIntBE(start, size);
      start += size;
    }
    const end = start + length;
    if (end > bytes.length) throw new DerError('not enough data');
    this.at = end;
    return { tag: found, content: bytes.subarray(start, end), encoding: bytes.subarray(at, end) };
  }

  /** Reads the next value if it has that tag; otherwise null, and nothing is read. */
  optional(tag: number): DerValue | null {
    return this.tag === tag ? this.next(tag) : null;
  }

  /** Reads a structure: a reader of its content. */
  enter(tag = SEQUENCE): DerReader {
    return new DerReader(this.next(tag).content);
  }
}

/** Encodes a value. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tag];
  if (length < 0x80) head.push(length);
  else {
    const bytes: number[] = [];
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
    head.push(0x80 | bytes.length, ...bytes);
  }
  return Buffer.concat([Buffer.from(head), ...parts]);
}

/** Encodes an object identifier in dotted notation. */
export function encodeOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) | 0x80);
    bytes.push(...digits);
  }
  return der(OBJECT_IDENTIFIER, Buffer.from(bytes));
}

/** Dotted notation of an object identifier. */
export function oidOf({ content }: DerValue): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length > 0) arcs.push(arc);
    else {
      const first = Math.min(2, Math.floor(arc / 40));
      arcs.push(first, arc - first * 40);
    }
    arc = 0;
  }
  return arcs.join('.');
}

/** Bytes of a bit string, which must have no unused bits. */
export function bitsOf({ content }: DerValue): Buffer {
  if (content[0] !== 0) throw new DerError('invalid bit string bits left');
  return content.subarray(1);
}

/** ms since 1970 of a `GeneralizedTime` as certificates and OCSP use it: `YYYYMMDDHHMMSS[.f]Z`. */
export function timeOf({ content }: DerValue): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(content.latin1Slice())?.slice(1).map(Number);
  if (parts === undefined) throw new DerError('invalid time format');
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts;
  return Date.UTC(year, month - 1, day, hours, minutes, seconds);
}
