/** The decoder of header blocks, in comparison with one that was written apart: without tables for lookups, on strings of bits. */
import assert from 'node:assert/strict';
import { DECODED, HpackDecoder, INVALID } from '../../src/http2/hpack/decoder.js';
import { HpackEncoder } from '../../src/http2/hpack/encoder.js';
import { encodeHuffman, huffmanLength } from '../../src/http2/hpack/huffman.js';
import { STATIC_ENTRIES, staticNames, staticValues } from '../../src/http2/hpack/static-table.js';
import type { Random } from '../stress/random.js';
import { type FuzzTarget, mutatedBytes } from './target.js';

/** Separates the blocks of one connection in a text. */
const SEPARATOR = '\x00\xffblock\xff\x00';
const MAX_BYTES = 1000;
const MAX_FIELDS = 40;

/** Symbols by the bits of their codes; without EOS. */
const SYMBOLS = new Map<string, string>();
for (let symbol = 0; symbol < 256; symbol++) {
  // A code followed by copies of itself shows its length.
  const text = String.fromCharCode(symbol);
  const bits = (length: number): string => {
    const bytes = Buffer.alloc(huffmanLength(text.repeat(length)));
    encodeHuffman(text.repeat(length), bytes, 0);
    return [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  };
  const eight = huffmanLength(text.repeat(8));
  SYMBOLS.set(bits(8).slice(0, eight), text);
}

class Failed extends Error {}

function unhuffman(bytes: Buffer): string {
  let text = '';
  let code = '';
  for (const byte of bytes) {
    for (const bit of byte.toString(2).padStart(8, '0')) {
      code += bit;
      const symbol = SYMBOLS.get(code);
      if (symbol !== undefined) {
        text += symbol;
        code = '';
      } else if (code.length >= 30) throw new Failed('EOS');
    }
  }
  if (code.length > 7 || code.includes('0')) throw new Failed('padding');
  return text;
}

/** RFC 7541, step by step. */
class Reference {
  private entries: (readonly [name: string, value: string])[] = [];
  private max = 4096;

  get size(): number {
    return this.entries.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  }

  private evict(): void {
    while (this.size > this.max) this.entries.pop();
  }

  private entry(index: number): readonly [name: string, value: string] {
    if (index === 0) throw new Failed('index 0');
    if (index <= STATIC_ENTRIES) return [staticNames[index] ?? '', staticValues[index] ?? ''];
    const entry = this.entries[index - STATIC_ENTRIES - 1];
    if (entry === undefined) throw new Failed('index');
    return entry;
  }

  /** Adds the fields to `lines`. */
  decode(block: Buffer, lines: string[]): void {
    let at = 0;
    const byte = (): number => {
      const value = block[at++];
      if (value === undefined) throw new Failed('end');
      return value;
    };
    const integer = (bits: number): number => {
      const max = 2 ** bits - 1;
      const first = byte() & max;
      if (first < max) return first;
      let value = max;
      for (let i = 0; i < 4; i++) {
        const next = byte();
        value += (next & 127) * 128 ** i;
        if (next < 128) return value;
      }
      throw new Failed('integer');
    };
    const string = (): string => {
      const first = block[at];
      if (first === undefined) throw new Failed('end');
      const length = integer(7);
      if (at + length > block.length) throw new Failed('end');
      const bytes = block.subarray(at, at + length);
      at += length;
      return first >= 128 ? unhuffman(bytes) : bytes.latin1Slice();
    };
    for (let fields = 0; at < block.length; ) {
      const first = block[at] ?? 0;
      let field: readonly [name: string, value: string];
      if (first >= 128) field = this.entry(integer(7));
      else if (first >= 32 && first < 64) {
        if (fields > 0) throw new Failed('size update');
        const max = integer(5);
        if (max > 4096) throw new Failed('size');
        this.max = max;
        this.evict();
        continue;
      } else {
        const index = integer(first >= 64 ? 6 : 4);
        const name = index === 0 ? string() : this.entry(index)[0];
        if (name === '') throw new Failed('name');
        field = [name, string()];
        if (first >= 64) {
          this.entries.unshift(field);
          this.evict();
        }
      }
      fields++;
      lines.push(field.join(': '));
    }
  }
}

/** The blocks of one connection. */
export function blocksOf(text: string): Buffer[] {
  return text.split(SEPARATOR).map((block) => Buffer.from(block, 'latin1'));
}

export function checkBlocks(text: string): void {
  const reference = new Reference();
  const decoder = new HpackDecoder('client');
  const limited = new HpackDecoder('client');
  limited.maxListBytes = MAX_BYTES;
  limited.maxFields = MAX_FIELDS;
  for (const bytes of blocksOf(text)) {
    const expected: string[] = [];
    let failed = false;
    try {
      reference.decode(bytes, expected);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      failed = true;
    }
    const read: string[] = [];
    const result = decoder.decode(bytes, 0, bytes.length, { field: (name, value) => read.push(`${name}: ${value}`) });
    assert.deepEqual(read, expected);
    assert.equal(result, failed ? INVALID : DECODED);
    let sum = 0;
    let count = 0;
    const bounded = limited.decode(bytes, 0, bytes.length, {
      field: (name, value) => {
        assert.equal(`${name}: ${value}`, expected[count]);
        count++;
        sum += name.length + value.length;
      },
    });
    assert.ok(sum <= MAX_BYTES && count <= MAX_FIELDS);
    assert.equal(bounded === INVALID, failed);
    if (bounded === DECODED) assert.equal(count, expected.length);
    if (failed) return;
    assert.equal(decoder.tableSize, reference.size);
    assert.equal(limited.tableSize, reference.size);
  }
}

const NAMES = [':path', ':authority', 'server', 'date', 'x-a', 'x-b', 'cookie', 'accept', 'etag'];
const VALUES = ['', '/', 'a', 'gzip, deflate', 'text/html; charset=utf-8', '\x00\xff\x80~', 'v'.repeat(200)];

function made(random: Random): string {
  const encoder = new HpackEncoder();
  const blocks: string[] = [];
  for (let i = random.below(4); i >= 0; i--) {
    if (random.below(10) === 0) encoder.setMaxTable(random.below(300));
    encoder.begin();
    if (random.below(2) === 0) encoder.status(random.of([200, 299, 404]));
    for (let n = random.below(8); n > 0; n--) encoder.field(random.of(NAMES), random.of(VALUES));
    blocks.push(encoder.block.latin1Slice(0, encoder.length));
  }
  const mutate = (block: string): string =>
    random.below(3) === 0
      ? block
      : mutatedBytes(
          [block, random.of(blocks)],
          ['\x40', '\x7f', '\xff', '\xbe', '\x20', '\x3f\xe1\x1f', '\x00', '\x10'],
          random,
        );
  return blocks.map(mutate).join(SEPARATOR);
}

export const headerBlocks: FuzzTarget = { name: 'hpack', make: made, check: checkBlocks };
