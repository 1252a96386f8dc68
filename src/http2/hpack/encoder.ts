/**
 * Encoder of header blocks (RFC 7541), with the dynamic table of one direction of a connection.
 *
 * One block is encoded at a time in the process: `begin`, any number of `field`, then `block` and `length` until the next
 * `begin`. Strings use the Huffman code where it is shorter.
 *
 * A field enters the dynamic table when its name occurs with the same value for the second time, or at once if its name
 * is one of those that repeat (`server`, `content-type` …). Fields with credentials are sent as never indexed
 * (RFC 7541 7.1.3), and values that differ from message to message do not enter the table.
 */
import { DynamicTable } from './dynamic-table.js';
import { encodeHuffman, huffmanLength } from './huffman.js';
import { STATIC_ENTRIES, staticFieldIndex, staticNameIndex, staticNames } from './static-table.js';

// Representations: the first bits of a field, and the mask of the integer that follows.
const INDEXED = 0x80;
const WITH_INDEXING = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER_INDEXED = 0x10;
const WITHOUT_INDEXING = 0;

// Treatment of names.
const INDEX_AT_ONCE = 1;
const NO_INDEX = 2;
const NEVER_INDEX = 3;

const TREATMENTS: readonly (readonly [treatment: number, names: readonly string[]])[] = [
  [INDEX_AT_ONCE, [':authority', ':scheme', 'server', 'date', 'content-type', 'user-agent']],
  [
    NO_INDEX,
    [
      ':path',
      'age',
      'content-length',
      'content-range',
      'etag',
      'expires',
      'if-match',
      'if-modified-since',
      'if-none-match',
      'if-range',
      'if-unmodified-since',
      'last-modified',
      'location',
      'range',
    ],
  ],
  [NEVER_INDEX, ['authorization', 'cookie', 'proxy-authorization', 'set-cookie']],
];

/** A name of the static table, or with a treatment of its own. */
interface KnownName {
  /** Index of its first entry in the static table, or 0. */
  readonly index: number;
  treatment: number;
  /** Index in `HpackEncoder.known`. */
  readonly place: number;
}

/** Known names; one look-up gives index and treatment. */
const KNOWN = new Map<string, KnownName>();

function register(name: string): KnownName {
  let known = KNOWN.get(name);
  if (known === undefined) {
    known = { index: staticNameIndex(name), treatment: 0, place: KNOWN.size };
    KNOWN.set(name, known);
  }
  return known;
}

// Names whose fields enter the dynamic table at once come first, so that `HpackEncoder.known` stays short.
for (const [treatment, names] of TREATMENTS) for (const name of names) register(name).treatment = treatment;
for (const name of staticNames) if (name !== '') register(name);

/** Maximum size of the table, bytes, even if the peer allows more. */
const MAX_TABLE = 4096;
/** Maximum size of a field that enters the table, bytes: a larger one would evict most others. */
const MAX_INDEXED = 1024;
/** Number of fields that are recognized when they occur again; a power of two. */
const ONCE_SLOTS = 32;
/** Number of evicted entries above which they are removed from the map. */
const MAX_EVICTED = 32;
const SIZE = 16384;
/** Size above which the memory of a block is not kept, bytes. */
const MAX_KEPT = 65536;

/** The block, shared by all encoders. */
let out = Buffer.allocUnsafeSlow(SIZE);
let end = 0;

function reserve(bytes: number): void {
  if (end + bytes <= out.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(out.length * 2, end + bytes));
  out.copy(larger, 0, 0, end);
  out = larger;
}

/** Appends an integer after `bits`; space for 6 bytes is reserved. */
function writeInteger(bits: number, mask: number, value: number): void {
  if (value < mask) {
    out[end++] = bits | value;
    return;
  }
  out[end++] = bits | mask;
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out[end++] = 128 | (rest % 128);
  out[end++] = rest;
}

function writeString(text: string): void {
  const { length } = text;
  reserve(length + 6);
  const encoded = huffmanLength(text);
  if (encoded < length) {
    writeInteger(0x80, 0x7f, encoded);
    end = encodeHuffman(text, out, end);
  } else {
    writeInteger(0, 0x7f, length);
    end += out.latin1Write(text, end);
  }
}

/** Returns a copy: a part of a longer string would keep all of it in memory. */
function detached(text: string): string {
  reserve(text.length);
  return out.latin1Slice(end, end + out.latin1Write(text, end));
}

function hashOf(start: number, text: string): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

/** The newest entry of a name in the table. */
interface Entry {
  value: string;
  /** Its number, see `DynamicTable.added`. */
  number: number;
}

export class HpackEncoder {
  private readonly table = new DynamicTable(MAX_TABLE);
  /** Latest entries of the table for known names, by `KnownName.place`, and for other names. They may have been evicted. */
  private known: (Entry | undefined)[] = [];
  private entries: Map<string, Entry> | null = null;
  /** Hashes of fields that have occurred once, by their last bits. */
  private once: Int32Array | null = null;
  /** Whether the peer has to be told the size of the table, and the smallest size since the last block. */
  private resized = false;
  private smallest = MAX_TABLE;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setMaxTable(size: number): void {
    const max = Math.min(size, MAX_TABLE);
    if (max === this.table.max) return;
    this.smallest = this.resized ? Math.min(this.smallest, max) : max;
    this.resized = true;
    this.table.resize(max);
  }

  /** Bytes that the dynamic table's entries count. */
  get tableSize(): number {
    return this.table.size;
  }

  /** The block; valid until the next `begin` of any encoder. */
  get block(): Buffer {
    return out;
  }
  get length(): number {
    return end;
  }

  /** Begins a block. */
  begin(): void {
    if (out.length > MAX_KEPT) out = Buffer.allocUnsafeSlow(SIZE);
    end = 0;
    if (!this.resized) return;
    this.resized = false;
    const { max } = this.table;
    if (this.smallest < max) writeInteger(SIZE_UPDATE, 0x1f, this.smallest);
    writeInteger(SIZE_UPDATE, 0x1f, max);
  }

  /** `:status`. */
  status(status: number): void {
    reserve(16);
    const index = STATUS_INDEXES[status];
    if (index !== undefined) out[end++] = INDEXED | index;
    else {
      // Three digits; nginx does not index it either.
      writeInteger(WITHOUT_INDEXING, 0x0f, STATUS_INDEX);
      writeString(String(status));
    }
  }

  /** Appends a field; names are in lower case. */
  field(name: string, value: string): void {
    reserve(16);
    const known = KNOWN.get(name);
    const named = known === undefined ? 0 : known.index;
    if (named > 0) {
      const index = staticFieldIndex(named, value);
      if (index > 0) {
        writeInteger(INDEXED, 0x7f, index);
        return;
      }
    }
    const treatment = known === undefined ? 0 : known.treatment;
    if (treatment >= NO_INDEX) {
      const bits = treatment === NEVER_INDEX ? NEVER_INDEXED : WITHOUT_INDEXING;
      this.literal(bits, 0x0f, named, name, value);
      return;
    }
    const { table } = this;
    const entry = known === undefined ? this.entries?.get(name) : this.known[known.place];
    let nameIndex = named;
    if (entry !== undefined) {
      const index = table.added - entry.number;
      if (index <= table.count) {
        if (entry.value === value) {
          writeInteger(INDEXED, 0x7f, STATIC_ENTRIES + index);
          return;
        }
        if (named === 0) nameIndex = STATIC_ENTRIES + index;
      }
    }
    const indexed = table.max > 0 && name.length + value.length <= MAX_INDEXED;
    if (indexed && (treatment === INDEX_AT_ONCE || this.repeats(name, value))) {
      this.literal(WITH_INDEXING, 0x3f, nameIndex, name, value);
      this.add(name, value, entry, known);
    } else this.literal(WITHOUT_INDEXING, 0x0f, nameIndex, name, value);
  }

  /** Appends a literal; `nameIndex` is 0 for a literal name. */
  private literal(bits: number, mask: number, nameIndex: number, name: string, value: string): void {
    writeInteger(bits, mask, nameIndex);
    if (nameIndex === 0) writeString(name);
    writeString(value);
  }

  /** Whether the same field has occurred before, as far as is known: a wrong answer only costs space in the table. */
  private repeats(name: string, value: string): boolean {
    this.once ??= new Int32Array(ONCE_SLOTS);
    const { once } = this;
    const hash = hashOf(hashOf(1, name), value);
    const slot = hash & (ONCE_SLOTS - 1);
    if (once[slot] === hash) return true;
    once[slot] = hash;
    return false;
  }

  private add(name: string, value: string, entry: Entry | undefined, known: KnownName | undefined): void {
    const { table } = this;
    const kept = detached(value);
    const keptName = entry === undefined && known === undefined ? detached(name) : name;
    if (!table.add(keptName, kept, 0)) return;
    const number = table.added - 1;
    if (entry !== undefined) {
      entry.value = kept;
      entry.number = number;
    } else if (known !== undefined) {
      while (this.known.length <= known.place) this.known.push(undefined);
      this.known[known.place] = { value: kept, number };
    } else this.addName(keptName, { value: kept, number });
  }

  private addName(name: string, added: Entry): void {
    const { table } = this;
    this.entries ??= new Map();
    const { entries } = this;
    // Entries that were evicted are removed from time to time.
    if (entries.size >= table.count * 2 + MAX_EVICTED) {
      for (const [each, entry] of entries) if (table.added - entry.number > table.count) entries.delete(each);
    }
    entries.set(name, added);
  }
}

const STATUS_INDEX = staticNameIndex(':status');
/** Indexes of the statuses that are in the static table. */
const STATUS_INDEXES: (number | undefined)[] = [];
for (const status of [200, 204, 206, 304, 400, 404, 500]) {
  STATUS_INDEXES[status] = staticFieldIndex(STATUS_INDEX, String(status));
}
