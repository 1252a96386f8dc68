/** Decoder of header blocks (RFC 7541), with the dynamic table of one direction of a connection. */
import { fieldNumber } from '../../http/field-names.js';
import { ErrorCode } from '../error-codes.js';
import { DynamicTable } from './dynamic-table.js';
import type { FieldReceiver } from './field-receiver.js';
import { decodeHuffman, maxDecodedLength } from './huffman.js';
import { STATIC_ENTRIES, staticNames, staticNumbers, staticValues } from './static-table.js';

// Results of `decode`.
/** All fields were passed on. */
export const DECODED = 0;
/** The list is larger than allowed: the fields after the limit were not passed on. The decoder remains usable. */
export const TOO_LARGE = 1;
/** The block is invalid: the connection has to end with `code`. */
export const INVALID = 2;

/** Bytes of an integer after its first one; nginx: `NGX_HTTP_V2_INT_OCTETS`. */
const MAX_CONTINUATION = 4;

/** Memory for decoded strings, shared by all decoders; replaced if it is too small. */
let scratch = Buffer.allocUnsafeSlow(16384);

export class HpackDecoder {
  /** Maximum sum of the lengths of names and values of a list. */
  maxListBytes = Number.POSITIVE_INFINITY;
  /** Maximum number of fields of a list. */
  maxFields = Number.POSITIVE_INFINITY;
  /** Error code of the connection and text for the log, after `INVALID`. */
  code = 0;
  reason = '';
  /** Number of changes of the dynamic table. Identical blocks have the same fields as long as it does not change. */
  changes = 0;
  private readonly table: DynamicTable;
  private bytes: Buffer = scratch;
  private at = 0;
  private end = 0;

  /** `maxTable`: SETTINGS_HEADER_TABLE_SIZE as announced. `peer`: subject of reasons, `client` or `upstream`. */
  constructor(
    private readonly peer: string,
    private readonly maxTable = 4096,
  ) {
    this.table = new DynamicTable(maxTable);
  }

  /** Bytes that the dynamic table's entries count. */
  get tableSize(): number {
    return this.table.size;
  }

  /** Decodes a whole block; returns one of the results. Passes the fields on even if the rest is invalid. */
  decode(block: Buffer, start: number, end: number, receiver: FieldReceiver): number {
    this.bytes = block;
    this.at = start;
    this.end = end;
    const result = this.decodeFields(receiver);
    // The block is borrowed.
    this.bytes = scratch;
    return result;
  }

  private decodeFields(receiver: FieldReceiver): number {
    const { bytes, end, table } = this;
    let listBytes = 0;
    let fields = 0;
    while (this.at < end) {
      const first = bytes[this.at] as number;
      let name: string;
      let value: string;
      let number: number;
      if (first >= 0x80) {
        const index = this.integer(0x7f);
        if (index < 0) return this.failInteger(index, 'header index');
        if (index > STATIC_ENTRIES) {
          const entry = index - STATIC_ENTRIES;
          if (entry > table.count) return this.failIndex(index);
          name = table.name(entry);
          value = table.value(entry);
          number = table.number(entry);
        } else {
          if (index === 0) return this.fail('client sent invalid hpack table index 0');
          name = staticNames[index] as string;
          value = staticValues[index] as string;
          number = staticNumbers[index] as number;
        }
      } else if (first >= 0x20 && first < 0x40) {
        if (fields > 0) return this.fail('client sent table size update after a header field');
        const size = this.integer(0x1f);
        if (size < 0) return this.failInteger(size, 'size update');
        if (size > this.maxTable) return this.fail(`client sent invalid table size update: ${size}`);
        this.changes++;
        table.resize(size);
        continue;
      } else {
        const indexing = first >= 0x40;
        const index = this.integer(indexing ? 0x3f : 0x0f);
        if (index < 0) return this.failInteger(index, 'header index');
        if (index === 0) {
          const text = this.string();
          if (text === null) return INVALID;
          if (text.length === 0) return this.fail('client sent zero header name length', ErrorCode.ProtocolError);
          name = text;
          number = fieldNumber(text, 0, text.length);
        } else if (index > STATIC_ENTRIES) {
          const entry = index - STATIC_ENTRIES;
          if (entry > table.count) return this.failIndex(index);
          name = table.name(entry);
          number = table.number(entry);
        } else {
          name = staticNames[index] as string;
          number = staticNumbers[index] as number;
        }
        const text = this.string();
        if (text === null) return INVALID;
        value = text;
        if (indexing) {
          this.changes++;
          table.add(name, value, number);
        }
      }
      listBytes += name.length + value.length;
      // After the limit, fields only change the table.
      if (++fields <= this.maxFields && listBytes <= this.maxListBytes) receiver.field(name, value, number);
    }
    return fields > this.maxFields || listBytes > this.maxListBytes ? TOO_LARGE : DECODED;
  }

  /** Reads an integer whose prefix has the bits of `mask`; -1 if it is incomplete, -2 if it is too long. */
  private integer(mask: number): number {
    const { bytes, end } = this;
    let value = (bytes[this.at++] as number) & mask;
    if (value < mask) return value;
    for (let i = 0; i < MAX_CONTINUATION; i++) {
      if (this.at === end) return -1;
      const byte = bytes[this.at++] as number;
      value += (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    return this.at === end ? -1 : -2;
  }

  /** Reads a string; null after an error. */
  private string(): string | null {
    const { bytes, at: start, end } = this;
    if (start === end) {
      this.failInteger(-1, '');
      return null;
    }
    const encoded = (bytes[start] as number) >= 0x80;
    const length = this.integer(0x7f);
    if (length < 0) {
      if (length === -1) this.failInteger(-1, '');
      else this.fail('client sent header field with too long length value');
      return null;
    }
    const { at } = this;
    const to = at + length;
    if (to > end) {
      this.fail('client sent header field with incorrect length', ErrorCode.FrameSizeError);
      return null;
    }
    this.at = to;
    if (length === 0) return '';
    if (!encoded) return bytes.latin1Slice(at, to);
    const max = maxDecodedLength(length);
    if (max > scratch.length) scratch = Buffer.allocUnsafeSlow(max * 2);
    const decoded = decodeHuffman(bytes, at, to, scratch, this.peer === 'upstream');
    if (decoded < 0) {
      this.fail('client sent invalid encoded header field');
      return null;
    }
    return scratch.latin1Slice(0, decoded);
  }

  private failInteger(result: number, what: string): number {
    if (result === -2) return this.fail(`client sent header block with too long ${what} value`);
    return this.fail('client sent header block with incorrect length', ErrorCode.FrameSizeError);
  }

  private failIndex(index: number): number {
    return this.fail(`client sent out of bound hpack table index: ${index}`);
  }

  /** `reason` is written for a client. */
  private fail(reason: string, code: number = ErrorCode.CompressionError): number {
    this.reason = this.peer === 'client' ? reason : reason.replace('client', this.peer);
    this.code = code;
    return INVALID;
  }
}
