/**
 * Cases of the WebSocket protocol by the groups of the Autobahn test suite, and by sections 5 to 7 of RFC 6455 and 7 of RFC 7692.
 * Each is a sequence of frames that one end sends to an implementation.
 */
import { binary, type CaseFrame, close, deflated, fragments, ping, text } from './frames.js';

export interface Case {
  readonly name: string;
  readonly frames: readonly CaseFrame[];
  /** Bytes of each write; default: all in one. */
  readonly piece?: number;
  /** Bytes at the end that are not written: the connection ends inside of a frame. */
  readonly cut?: number;
  /** How the sender ends: with a Close frame after its last frame, or not at all, as the receiver has to. */
  readonly end: 'close' | 'none' | 'fin';
  /** permessage-deflate is negotiated: the parameters of the offer. */
  readonly deflate?: string;
  /** Compressed messages refer to earlier ones. */
  readonly takeover?: boolean;
  /** Status code with which the proxy itself closes: always 1002, or 1009 if it has limits. */
  readonly refused?: 1002 | 1009;
}

/** Sizes of long cases, bytes. */
export interface CaseSizes {
  /** Largest message. */
  readonly message: number;
  /** Compressed messages of each size. */
  readonly compressed: number;
}

function* named(group: string, cases: Iterable<Omit<Case, 'name'> & { name: string }>): Generator<Case> {
  for (const each of cases) yield { ...each, name: `${group}: ${each.name}` };
}

/** Each valid case in writes of several sizes. */
function* inPieces(name: string, frames: readonly CaseFrame[], pieces: readonly number[]): Generator<Case> {
  yield { name, frames, end: 'close' };
  for (const piece of pieces) yield { name: `${name}, ${piece} bytes at a time`, frames, piece, end: 'close' };
}

const LENGTHS = [0, 1, 2, 124, 125, 126, 127, 128, 254, 255, 256, 65_534, 65_535, 65_536, 65_537];

function* framing(): Generator<Case> {
  for (const length of LENGTHS) {
    const piece = length < 1000 ? 1 : 997;
    yield* inPieces(`text of ${length} bytes`, [text('*'.repeat(length))], [piece]);
    yield* inPieces(`binary of ${length} bytes`, [binary(Buffer.alloc(length, 0xfe))], [piece]);
  }
  for (const [form, length] of [
    [2, 0],
    [2, 125],
    [8, 0],
    [8, 125],
    [8, 65_535],
  ] as const) {
    const frame: CaseFrame = { opcode: 2, payload: Buffer.alloc(length, 'x'), form };
    yield { name: `${length} bytes with a length of ${form} bytes`, frames: [frame], end: 'close' };
  }
  const huge: CaseFrame = { opcode: 2, form: 8, length: 2n ** 63n - 1n };
  yield { name: 'length of 2^63-1', frames: [text('before'), huge], end: 'none', refused: 1009 };
  for (const first of [2n ** 63n, 2n ** 64n - 1n]) {
    const frame: CaseFrame = { opcode: 2, form: 8, length: first };
    yield { name: `length of ${first}`, frames: [text('before'), frame], end: 'none', refused: 1002 };
  }
}

function* pings(): Generator<Case> {
  for (const length of [0, 1, 124, 125]) {
    yield* inPieces(`ping of ${length} bytes`, [ping(Buffer.alloc(length, 0xfe))], [1]);
    yield { name: `pong of ${length} bytes`, frames: [{ opcode: 10, payload: 'p'.repeat(length) }], end: 'close' };
  }
  for (const opcode of [8, 9, 10]) {
    for (const length of [126, 127, 65_536]) {
      const frame: CaseFrame = { opcode, payload: Buffer.alloc(length, 'x') };
      yield { name: `opcode ${opcode} with ${length} bytes`, frames: [text('before'), frame], end: 'none' };
    }
  }
  yield* inPieces(
    'ten pings',
    Array.from({ length: 10 }, (_, i) => ping(`ping ${i}`)),
    [1, 7],
  );
  yield { name: 'pong, ping', frames: [{ opcode: 10, payload: 'unsolicited' }, ping('solicited')], end: 'close' };
}

function* reserved(): Generator<Case> {
  for (let rsv = 1; rsv <= 7; rsv++) {
    for (const opcode of [1, 2, 8, 9, 10]) {
      const frame: CaseFrame = { opcode, rsv, payload: '*'.repeat(24) };
      yield { name: `${rsv} with opcode ${opcode}`, frames: [text('before'), frame, ping('after')], end: 'none' };
    }
    const inside = fragments(1, 'abcdef', [3]).map((each, i) => (i === 1 ? { ...each, rsv } : each));
    yield { name: `${rsv} with a continuation, byte by byte`, frames: inside, piece: 1, end: 'none' };
  }
}

function* opcodes(): Generator<Case> {
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    for (const payload of ['', 'reserved']) {
      const frame: CaseFrame = { opcode, payload };
      yield { name: `${opcode} with ${payload.length} bytes`, frames: [frame], end: 'none' };
      yield { name: `${opcode} after a message, ${payload.length}`, frames: [text('before'), frame], end: 'none' };
      const [first, last] = fragments(1, 'abcdef', [3]) as [CaseFrame, CaseFrame];
      yield { name: `${opcode} between fragments, ${payload.length}`, frames: [first, frame, last], end: 'none' };
    }
  }
}

function* fragmentation(): Generator<Case> {
  const payload = 'fragments of a message';
  for (let cut = 0; cut <= payload.length; cut++) {
    const [first, last] = fragments(1, payload, [cut]) as [CaseFrame, CaseFrame];
    yield { name: `cut at ${cut}`, frames: [first, last], end: 'close' };
    yield { name: `cut at ${cut}, ping between`, frames: [first, ping('between'), last], end: 'close' };
  }
  const each = fragments(2, payload, [...payload].map((_, i) => i).slice(1));
  yield* inPieces('a fragment for each byte', each, [1, 5]);
  const controlled = each.flatMap((frame, i) => [frame, i % 2 === 0 ? ping(`p${i}`) : { opcode: 10, payload: 'q' }]);
  yield* inPieces('control frames between all fragments', controlled.slice(0, -1), [1, 3, 11]);
  const empty = [0, 0, 0, payload.length, payload.length];
  yield* inPieces('empty fragments', fragments(1, payload, empty), [1]);
  const many = Array.from({ length: 1000 }, (_, i) => i + 1);
  yield { name: 'a thousand fragments', frames: fragments(2, Buffer.alloc(1001, 'm'), many), end: 'close' };
  for (const opcode of [8, 9, 10]) {
    const frame: CaseFrame = { opcode, fin: false, payload: opcode === 8 ? '\x03\xe8' : 'x' };
    yield { name: `opcode ${opcode} without FIN`, frames: [frame, { opcode: 0, payload: 'y' }], end: 'none' };
  }
  for (const fin of [true, false]) {
    const stray: CaseFrame = { opcode: 0, fin, payload: 'stray' };
    yield { name: `continuation without message, FIN ${fin}`, frames: [stray, text('after')], end: 'none' };
    yield { name: `continuation after a message, FIN ${fin}`, frames: [text('before'), stray], end: 'none' };
    for (const piece of [1, 9]) {
      yield { name: `the same, FIN ${fin}, in ${piece}`, frames: [text('before'), stray], piece, end: 'none' };
    }
  }
  const [first] = fragments(1, payload, [5]) as [CaseFrame];
  yield { name: 'message within a message', frames: [first, text('another')], end: 'none' };
  yield { name: 'fragment within a message', frames: [first, { ...first, opcode: 2 }], end: 'none' };
}

/** Text that is valid, at every border of the encoding. */
const VALID = [
  'κόσμε',
  '\u007f\u0080\u07ff\u0800\ud7ff\ue000\ufffd\uffff',
  '\u{10000}\u{10ffff}',
  'a\u0000b',
  '\ufeffmark',
];

/** Sequences that are not UTF-8. */
const INVALID = [
  '80',
  'bf',
  '80bf80',
  'c0af',
  'c080',
  'c1bf',
  'c2',
  'c220',
  'df',
  'e0',
  'e080af',
  'e09fbf',
  'e0a0',
  'ed',
  'eda080',
  'edbfbf',
  'efbf',
  'f0808080',
  'f08fbfbf',
  'f0',
  'f09080',
  'f48fbf',
  'f4908080',
  'f5808080',
  'f880808080',
  'fc8080808080',
  'fe',
  'ff',
  'cebae1bdb9cf83cebcceb5eda080656469746564',
  'cebae1bdb9cf83cebcceb5f4908080656469746564',
].map((hex) => Buffer.from(hex, 'hex'));

function* utf8(): Generator<Case> {
  for (const [i, valid] of VALID.entries()) {
    const bytes = Buffer.from(valid);
    yield* inPieces(`valid ${i}`, [text(bytes)], [1]);
    for (let cut = 1; cut < bytes.length; cut++) {
      yield { name: `valid ${i}, cut at ${cut}`, frames: fragments(1, bytes, [cut]), end: 'close' };
    }
    const all = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
    yield { name: `valid ${i}, a fragment for each byte`, frames: fragments(1, bytes, all), end: 'close' };
  }
  for (const sequence of INVALID) {
    const hex = sequence.toString('hex');
    yield { name: hex, frames: [text(sequence)], end: 'none' };
    yield { name: `${hex}, byte by byte`, frames: [text('before'), text(sequence)], piece: 1, end: 'none' };
    yield { name: `${hex} in binary`, frames: [binary(sequence)], end: 'close' };
    for (let cut = 1; cut < sequence.length; cut++) {
      yield { name: `${hex}, cut at ${cut}`, frames: fragments(1, sequence, [cut]), end: 'none' };
    }
  }
}

const SENDABLE = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const UNSENDABLE = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

function* closing(): Generator<Case> {
  for (const code of [...SENDABLE, ...UNSENDABLE]) {
    yield { name: `code ${code}`, frames: [text('before'), close(code)], end: 'none' };
    yield { name: `code ${code} with reason, byte by byte`, frames: [close(code, 'why')], piece: 1, end: 'none' };
  }
  yield { name: 'without code', frames: [{ opcode: 8 }], end: 'none' };
  yield { name: 'half of a code', frames: [{ opcode: 8, payload: '\x03' }], end: 'none' };
  yield { name: 'longest reason', frames: [close(1000, 'r'.repeat(123))], end: 'none' };
  yield { name: 'reason too long', frames: [close(1000, 'r'.repeat(124))], end: 'none' };
  yield { name: 'reason in UTF-8', frames: [close(1000, 'κόσμε')], end: 'none' };
  for (const sequence of INVALID.slice(0, 12)) {
    yield { name: `reason ${sequence.toString('hex')}`, frames: [close(1000, sequence)], end: 'none' };
  }
  yield { name: 'data after Close', frames: [close(1000), text('late')], end: 'none' };
  yield { name: 'ping after Close', frames: [close(1001), ping('late')], end: 'none' };
  yield { name: 'Close twice', frames: [close(1000), close(1001)], end: 'none' };
  const [first, last] = fragments(1, 'abcdef', [3]) as [CaseFrame, CaseFrame];
  yield { name: 'between fragments', frames: [first, close(1000), last], end: 'none' };
  yield { name: 'after many messages', frames: [...Array(100).fill(text('many')), close(3333)], end: 'none' };
  for (let size = 1; size < 8; size++) {
    yield { name: `in pieces of ${size}`, frames: [text('x'), close(4000, 'bye')], piece: size, end: 'none' };
  }
  yield { name: 'end without Close', frames: [text('before')], end: 'fin' };
  yield { name: 'end in a message', frames: [first], end: 'fin' };
  for (let cut = 1; cut < 9; cut++) {
    yield { name: `end ${cut} bytes before that of a frame`, frames: [text('abc')], cut, end: 'fin' };
    yield { name: `end ${cut} bytes before that of Close`, frames: [text('abc'), close(1000, 'x')], cut, end: 'fin' };
  }
}

function* masking(): Generator<Case> {
  for (const opcode of [1, 2, 8, 9, 10]) {
    const frame: CaseFrame = { opcode, payload: '\x03\xe8' };
    yield { name: `of a client, opcode ${opcode}`, frames: [text('before'), { ...frame, masked: true }], end: 'close' };
    yield {
      name: `of a server, opcode ${opcode}`,
      frames: [text('before'), { ...frame, masked: false }],
      end: 'close',
    };
  }
}

function* limits({ message }: CaseSizes): Generator<Case> {
  for (let size = 65_536; size <= message; size *= 4) {
    const bytes = Buffer.alloc(size, 'limit ');
    yield { name: `text of ${size}`, frames: [text(bytes)], end: 'close' };
    yield { name: `binary of ${size}`, frames: [binary(bytes)], end: 'close' };
    for (let fragment = Math.max(64, size / 1024); fragment < size; fragment *= 16) {
      const cuts = Array.from({ length: size / fragment - 1 }, (_, i) => (i + 1) * fragment);
      yield { name: `text of ${size} in fragments of ${fragment}`, frames: fragments(1, bytes, cuts), end: 'close' };
    }
    yield { name: `text of ${size}, 2048 at a time`, frames: [text(bytes)], piece: 2048, end: 'close' };
  }
  for (const size of [0, 16, 64, 256, 1024]) {
    const frames = Array<CaseFrame>(1000).fill(binary(Buffer.alloc(size, 'r')));
    yield { name: `a thousand messages of ${size}`, frames, end: 'close' };
  }
}

function* splitMessages(): Generator<Case> {
  const bytes = Buffer.alloc(65_536, 'automatic fragmentation ');
  const cuts = Array.from({ length: Math.floor(65_536 / 1300) }, (_, i) => (i + 1) * 1300);
  yield* inPieces('65536 bytes in frames of 1300', fragments(1, bytes, cuts), [1300, 4096]);
}

/** Offers whose messages are compressed without context of others, so that they can be written in advance. */
const OFFERS = [
  'client_no_context_takeover',
  'client_no_context_takeover; server_no_context_takeover',
  'client_no_context_takeover; client_max_window_bits',
  'client_no_context_takeover; client_max_window_bits=9',
  'client_no_context_takeover; server_max_window_bits=9',
  'client_no_context_takeover; server_max_window_bits=15; client_max_window_bits=10; server_no_context_takeover',
];

/** Offers with which messages may refer to earlier ones. */
const TAKEOVER_OFFERS = [
  '',
  'server_no_context_takeover',
  'client_max_window_bits',
  'client_max_window_bits=9',
  'server_max_window_bits=9',
  'server_max_window_bits=12; client_max_window_bits=12',
];

/** Text that compresses somewhat. */
function story(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0, seed = 1; i < length; i++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = 97 + ((seed >>> 16) % (i % 64 < 32 ? 3 : 20));
  }
  return bytes;
}

function* compression({ compressed }: CaseSizes): Generator<Case> {
  for (const deflate of OFFERS) {
    const bits = Number(/client_max_window_bits=(\d+)/.exec(deflate)?.[1] ?? 15);
    for (const size of [0, 16, 64, 256, 1024, 4096, 16_384, 32_768, 65_536, 131_072]) {
      const payload = deflated(story(size), bits);
      const frames = Array<CaseFrame>(compressed).fill({ opcode: size % 3 === 0 ? 1 : 2, rsv: 4, payload });
      yield { name: `${size} bytes with ${deflate}`, frames, end: 'close', deflate };
    }
  }
  for (const deflate of TAKEOVER_OFFERS) {
    const bits = Number(/client_max_window_bits=(\d+)/.exec(deflate)?.[1] ?? 15);
    for (const size of [16, 300, 1024, 16_384, 65_536]) {
      const message = story(size);
      const frames: CaseFrame[] = [];
      let context = Buffer.alloc(0);
      for (let i = 0; i <= compressed; i++) {
        frames.push({ opcode: 2, rsv: 4, payload: deflated(message, bits, context) });
        // Not compressed, hence no part of the context.
        if (i === 0) frames.push(binary(message));
        context = Buffer.concat([context, message]).subarray(-65_536);
      }
      const name = `${size} bytes with context and ${deflate || 'no parameter'}`;
      yield { name, frames, end: 'close', deflate, takeover: true };
    }
  }
  const [deflate] = OFFERS as [string];
  const payload = deflated('compressed text, compressed text');
  for (let cut = 0; cut <= payload.length; cut += 3) {
    yield { name: `fragment at ${cut}`, frames: fragments(1, payload, [cut], 4), piece: 3, end: 'close', deflate };
  }
  yield { name: 'not compressed', frames: [text('plain'), binary('plain')], end: 'close', deflate };
  const invalid = Buffer.from('ffffffffffff', 'hex');
  yield { name: 'invalid data', frames: [{ opcode: 1, rsv: 4, payload: invalid }], end: 'none', deflate };
  const text8 = deflated(Buffer.from('c0af', 'hex'));
  yield { name: 'text that is no UTF-8', frames: [{ opcode: 1, rsv: 4, payload: text8 }], end: 'none', deflate };
  for (const rsv of [1, 2, 3, 5, 6, 7]) {
    yield { name: `reserved bits ${rsv}`, frames: [{ opcode: 1, rsv, payload }], end: 'none', deflate };
  }
  for (const opcode of [0, 8, 9, 10]) {
    const [first] = fragments(1, payload, [5], 4) as [CaseFrame];
    yield { name: `RSV1 with opcode ${opcode}`, frames: [first, { opcode, rsv: 4 }], end: 'none', deflate };
  }
}

/** All cases. */
export function* allCases(sizes: CaseSizes): Generator<Case> {
  yield* named('1 framing', framing());
  yield* named('2 pings', pings());
  yield* named('3 reserved bits', reserved());
  yield* named('4 opcodes', opcodes());
  yield* named('5 fragmentation', fragmentation());
  yield* named('6 UTF-8', utf8());
  yield* named('7 closing', closing());
  yield* named('9 limits', limits(sizes));
  yield* named('10 split messages', splitMessages());
  yield* named('12, 13 compression', compression(sizes));
  yield* named('masking', masking());
}
