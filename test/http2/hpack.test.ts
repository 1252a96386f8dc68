import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Field } from '../../src/http/field-names.js';
import { DECODED, HpackDecoder, INVALID, TOO_LARGE } from '../../src/http2/hpack/decoder.js';
import { DynamicTable } from '../../src/http2/hpack/dynamic-table.js';
import { HpackEncoder } from '../../src/http2/hpack/encoder.js';
import { decodeHuffman, encodeHuffman, huffmanLength, maxDecodedLength } from '../../src/http2/hpack/huffman.js';
import { Random } from '../stress/random.js';

type Fields = readonly (readonly [name: string, value: string])[];

/** Decodes a block; returns the fields as lines, or the error. */
function decode(decoder: HpackDecoder, block: Buffer | string): string[] {
  const bytes = typeof block === 'string' ? Buffer.from(block.replace(/\s+/g, ''), 'hex') : block;
  const lines: string[] = [];
  // Other bytes around the block must not matter.
  const borrowed = Buffer.concat([Buffer.from('\xff\xff', 'latin1'), bytes, Buffer.from('\x82\x82', 'latin1')]);
  const result = decoder.decode(borrowed, 2, 2 + bytes.length, {
    field: (name, value) => lines.push(`${name}: ${value}`),
  });
  if (result === INVALID) lines.push(`error ${decoder.code}: ${decoder.reason}`);
  if (result === TOO_LARGE) lines.push('too large');
  return lines;
}

function encode(encoder: HpackEncoder, fields: Fields): Buffer {
  encoder.begin();
  for (const [name, value] of fields) {
    if (name === ':status') encoder.status(Number(value));
    else encoder.field(name, value);
  }
  return Buffer.from(encoder.block.subarray(0, encoder.length));
}

/** RFC 7541 appendix C: blocks of one connection, with their fields and the size of the table after each. */
const VECTORS: readonly (readonly [
  name: string,
  table: number,
  ...blocks: [block: string, size: number, ...fields: string[]][],
])[] = [
  [
    'C.2.1 literal with indexing',
    4096,
    ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', 55, 'custom-key: custom-header'],
  ],
  ['C.2.2 literal without indexing', 4096, ['040c 2f73 616d 706c 652f 7061 7468', 0, ':path: /sample/path']],
  ['C.2.3 literal never indexed', 4096, ['1008 7061 7373 776f 7264 0673 6563 7265 74', 0, 'password: secret']],
  ['C.2.4 indexed', 4096, ['82', 0, ':method: GET']],
  [
    'C.3 requests without Huffman code',
    4096,
    [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      57,
      ':method: GET',
      ':scheme: http',
      ':path: /',
      ':authority: www.example.com',
    ],
    [
      '8286 84be 5808 6e6f 2d63 6163 6865',
      110,
      ':method: GET',
      ':scheme: http',
      ':path: /',
      ':authority: www.example.com',
      'cache-control: no-cache',
    ],
    [
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      164,
      ':method: GET',
      ':scheme: https',
      ':path: /index.html',
      ':authority: www.example.com',
      'custom-key: custom-value',
    ],
  ],
  [
    'C.4 requests with Huffman code',
    4096,
    [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      57,
      ':method: GET',
      ':scheme: http',
      ':path: /',
      ':authority: www.example.com',
    ],
    [
      '8286 84be 5886 a8eb 1064 9cbf',
      110,
      ':method: GET',
      ':scheme: http',
      ':path: /',
      ':authority: www.example.com',
      'cache-control: no-cache',
    ],
    [
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      164,
      ':method: GET',
      ':scheme: https',
      ':path: /index.html',
      ':authority: www.example.com',
      'custom-key: custom-value',
    ],
  ],
  [
    'C.5 responses without Huffman code, with eviction',
    256,
    [
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      222,
      ':status: 302',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ],
    [
      '4803 3330 37c1 c0bf',
      222,
      ':status: 307',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ],
    [
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      215,
      ':status: 200',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:22 GMT',
      'location: https://www.example.com',
      'content-encoding: gzip',
      'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ],
  ],
  [
    'C.6 responses with Huffman code, with eviction',
    256,
    [
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      222,
      ':status: 302',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ],
    [
      '4883 640e ffc1 c0bf',
      222,
      ':status: 307',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ],
    [
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      215,
      ':status: 200',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:22 GMT',
      'location: https://www.example.com',
      'content-encoding: gzip',
      'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ],
  ],
];

for (const [name, table, ...blocks] of VECTORS) {
  test(`RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder('client', table);
    for (const [block, size, ...fields] of blocks) {
      assert.deepEqual(decode(decoder, block), fields);
      assert.equal(decoder.tableSize, size);
    }
  });
}

/** Invalid blocks, and the error of the connection. */
const INVALID_BLOCKS: readonly (readonly [name: string, block: string, error: string])[] = [
  ['index 0', '80', '9: client sent invalid hpack table index 0'],
  ['an index after the table', 'be', '9: client sent out of bound hpack table index: 62'],
  ['a name after the table', '7e 0161', '9: client sent out of bound hpack table index: 62'],
  ['an incomplete index', 'ff80', '6: client sent header block with incorrect length'],
  ['an index without end', 'ff80808080808001', '9: client sent header block with too long header index value'],
  ['a length without end', '00 7f808080808001', '9: client sent header field with too long length value'],
  ['a missing name', '40', '6: client sent header block with incorrect length'],
  ['a missing value', '40 0161', '6: client sent header block with incorrect length'],
  ['a cut string', '40 0161 0561', '6: client sent header field with incorrect length'],
  ['an empty name', '40 00 0161', '1: client sent zero header name length'],
  ['EOS in a string', '40 0161 84ffffffff', '9: client sent invalid encoded header field'],
  ['padding of 8 bits', '40 0161 82 1fff', '9: client sent invalid encoded header field'],
  ['padding that is not of ones', '40 0161 81 18', '9: client sent invalid encoded header field'],
  ['a table larger than announced', '3fe21f', '9: client sent invalid table size update: 4097'],
  ['a table size after a field', '82 20', '9: client sent table size update after a header field'],
];

for (const [name, block, error] of INVALID_BLOCKS) {
  test(`${name} is an error of the connection`, () => {
    assert.equal(decode(new HpackDecoder('client'), block).at(-1), `error ${error}`);
    const ofUpstream = decode(new HpackDecoder('upstream'), block).at(-1);
    assert.equal(ofUpstream, `error ${error.replace('client', 'upstream')}`);
  });
}

test('a block that ends at any byte is decoded as far as it goes, or invalid', () => {
  for (const [, table, ...blocks] of VECTORS) {
    const block = Buffer.from((blocks.at(0)?.[0] ?? '').replace(/\s/g, ''), 'hex');
    const [, , ...fields] = blocks[0] ?? ['', 0];
    for (let end = 0; end < block.length; end++) {
      const lines = decode(new HpackDecoder('client', table), block.subarray(0, end));
      const read = lines.filter((line) => !line.startsWith('error '));
      assert.deepEqual(read, fields.slice(0, read.length));
      assert.ok(lines.length < fields.length || lines.at(-1)?.startsWith('error '), `end at ${end}`);
    }
  }
});

test('every byte has a code, alone and between others', () => {
  const to = Buffer.alloc(64);
  const check = (text: string): void => {
    const length = encodeHuffman(text, to, 0);
    assert.equal(length, huffmanLength(text));
    const decoded = Buffer.alloc(maxDecodedLength(length));
    const count = decodeHuffman(to, 0, length, decoded);
    assert.equal(decoded.latin1Slice(0, count), text);
  };
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    for (const before of ['', 'a', '0', '!', 'zz', '\xff', 'aaaaaaa']) check(`${before}${character}0`);
    check(character);
  }
});

test('fields larger than the limit are not passed on, but enter the table', () => {
  const decoder = new HpackDecoder('client');
  decoder.maxListBytes = 20;
  const long = 'x'.repeat(15);
  const block = encode(new HpackEncoder(), [
    ['server', long],
    ['date', long],
  ]);
  assert.deepEqual(decode(decoder, block), ['too large']);
  decoder.maxListBytes = 40;
  assert.deepEqual(decode(decoder, 'be bf'), [`date: ${long}`, `server: ${long}`]);
  decoder.maxFields = 1;
  assert.deepEqual(decode(decoder, 'be bf'), [`date: ${long}`, 'too large']);
});

test('a small block cannot make a large list', () => {
  const decoder = new HpackDecoder('client');
  decoder.maxListBytes = 32768;
  decoder.maxFields = 1000;
  const value = 'v'.repeat(4000);
  // A field of 4,000 bytes in the table, referred to by one byte each.
  const block = Buffer.concat([
    Buffer.from('\x40\x01a\x7f\xa1\x1e', 'latin1'),
    Buffer.from(value),
    Buffer.alloc(60_000, 0xbe),
  ]);
  let fields = 0;
  let bytes = 0;
  const result = decoder.decode(block, 0, block.length, {
    field: (name, text) => {
      fields++;
      bytes += name.length + text.length;
    },
  });
  assert.equal(result, TOO_LARGE);
  assert.equal(fields, 8);
  assert.ok(bytes <= 32768);
  assert.ok(decoder.tableSize <= 4096);
});

test('a table of size 0 keeps nothing, and can be enlarged again', () => {
  const decoder = new HpackDecoder('client');
  assert.deepEqual(decode(decoder, '20 4001610162'), ['a: b']);
  assert.equal(decoder.tableSize, 0);
  assert.match(decode(decoder, 'be').join(), /out of bound/);
  const other = new HpackDecoder('client');
  assert.deepEqual(decode(other, '20 3fe11f 4001610162 be'), ['a: b', 'a: b']);
});

test('a dynamic table stays within its size', () => {
  const random = new Random(1);
  const table = new DynamicTable(4096);
  const model: string[][] = [];
  for (let i = 0; i < 20_000; i++) {
    if (random.below(50) === 0) table.resize(random.below(4097));
    else {
      const entry = [`n${i}`, 'v'.repeat(random.below(random.below(20) === 0 ? 4200 : 60))] as const;
      table.add(...entry, i);
      model.unshift([...entry]);
    }
    let size = 0;
    const kept = model.findIndex(([name = '', value = '']) => (size += name.length + value.length + 32) > table.max);
    if (kept >= 0) model.length = kept;
    assert.equal(table.count, model.length);
    assert.ok(table.size <= table.max);
    for (const [at, [name, value]] of model.entries()) {
      assert.equal(table.name(at + 1), name);
      assert.equal(table.value(at + 1), value);
      assert.equal(`n${table.number(at + 1)}`, name);
    }
  }
});

test('known names have their numbers, whether indexed or literal', () => {
  const decoder = new HpackDecoder('client');
  const numbers: number[] = [];
  const block = Buffer.from(
    '\x0f\x09\x01a\x00\x04host\x01b\x40\x0atransfer-e\x01c\x40\x11transfer-encoding\x01d\xbe\xbf',
    'latin1',
  );
  const result = decoder.decode(block, 0, block.length, { field: (_name, _value, number) => numbers.push(number) });
  assert.equal(result, DECODED);
  assert.deepEqual(numbers, [Field.CacheControl, Field.Host, 0, Field.TransferEncoding, Field.TransferEncoding, 0]);
});

test('repeated fields are sent as one byte, credentials never enter the table', () => {
  const encoder = new HpackEncoder();
  const head: Fields = [
    [':status', '200'],
    ['server', 'tsproxy'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['content-type', 'text/html'],
    ['content-length', '1234'],
    ['x-repeated', 'the same value'],
    ['set-cookie', 'secret'],
  ];
  const first = encode(encoder, head);
  encode(encoder, head);
  const third = encode(encoder, head);
  assert.ok(third.length < 25 && first.length > 60, `${first.length}, ${third.length}`);
  const decoder = new HpackDecoder('upstream');
  const again = new HpackEncoder();
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(
      decode(decoder, encode(again, head)),
      head.map((field) => field.join(': ')),
    );
  }
  // never indexed: 0001, with the index of the name
  assert.equal(third.indexOf(Buffer.of(0x1f, 55 - 15)), third.length - 2 - 1 - huffmanLength('secret'));
  for (const name of ['authorization', 'cookie', 'proxy-authorization', 'set-cookie']) {
    const blocks = [1, 2, 3].map(() => encode(encoder, [[name, 'secret']]));
    for (const block of blocks) assert.equal((block[0] as number) & 0xf0, 0x10);
  }
});

test('the encoder announces the size of its table, and stays within what the peer allows', () => {
  const encoder = new HpackEncoder();
  const head: Fields = [['server', 'tsproxy']];
  encode(encoder, head);
  encoder.setMaxTable(0);
  encoder.setMaxTable(100);
  const decoder = new HpackDecoder('upstream', 100);
  const block = encode(encoder, head);
  assert.equal(block.toString('hex', 0, 3), '203f45');
  assert.deepEqual(decode(decoder, block), ['server: tsproxy']);
  assert.ok(encoder.tableSize <= 100);
  encoder.setMaxTable(1_000_000);
  assert.equal(encode(encoder, []).toString('hex'), '3fe11f');
  encoder.setMaxTable(0);
  const none = encode(encoder, [...head, ...head]);
  assert.deepEqual(decode(new HpackDecoder('upstream', 0), none), ['server: tsproxy', 'server: tsproxy']);
});

test('what an encoder writes, a decoder reads: random fields over the lifetime of a connection', () => {
  const random = new Random(7);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
  const names = [
    ':path',
    'server',
    'date',
    'content-type',
    'x-a',
    'x-b',
    'etag',
    'cookie',
    'accept',
    'vary',
    ...Array.from({ length: 60 }, (_, i) => `x-${i}`),
  ];
  for (let connection = 0; connection < 20; connection++) {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder('upstream');
    for (let i = 0; i < 200; i++) {
      if (random.below(40) === 0) encoder.setMaxTable(random.below(5000));
      const fields: (readonly [string, string])[] = [[':status', pick(['200', '404', '299', '302'])]];
      for (let n = random.below(12); n > 0; n--) {
        const value =
          random.below(3) > 0
            ? pick(['', 'a', 'text/html', 'gzip, deflate'])
            : String.fromCharCode(...Array.from({ length: random.below(80) }, () => random.below(256)));
        fields.push([pick(names), random.below(60) === 0 ? value.repeat(300) : value]);
      }
      assert.deepEqual(
        decode(decoder, encode(encoder, fields)),
        fields.map((field) => field.join(': ')),
      );
      assert.ok(encoder.tableSize <= 4096);
    }
  }
});
