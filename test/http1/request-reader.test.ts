import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HeaderBlock } from '../../src/http/header-block.js';
import {
  COMPLETE,
  MORE,
  parseContentLength,
  REFUSED,
  RequestReader,
  requestFraming,
} from '../../src/http1/request-reader.js';
import { REQUEST_HEADS } from './request-heads.js';
import { cutAt, DEFAULT_LIMITS, readRequest, twoPieces } from './splits.js';

describe('request heads: whole, cut at every byte, and byte by byte', () => {
  for (const { fact, wire, expected, limits } of REQUEST_HEADS) {
    test(fact, () => {
      const enforced = { ...DEFAULT_LIMITS, ...limits };
      assert.equal(readRequest([wire], enforced), expected);
      assert.equal(readRequest([...wire], enforced), expected, 'byte by byte');
      for (const pieces of twoPieces(wire)) {
        assert.equal(readRequest(pieces, enforced), expected, `cut at ${pieces[0]?.length}`);
      }
    });
  }
});

test('there are transcripts of many heads', () => {
  assert.ok(REQUEST_HEADS.length >= 200, String(REQUEST_HEADS.length));
});

test('any split of any mutated head gives the same events, and none throws', () => {
  const heads = REQUEST_HEADS.map(({ wire }) => wire);
  const byte = fc.oneof(
    fc.constantFrom(...'\r\n\0 :\t/.%?#[]HTP19_\x7f\x80'),
    fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
  );
  const edit = fc.record({ at: fc.nat(), remove: fc.nat(3), insert: fc.array(byte, { maxLength: 3 }) });
  fc.assert(
    fc.property(
      fc.constantFrom(...heads),
      fc.constantFrom(...heads),
      fc.array(edit, { maxLength: 4 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.constantFrom(
        {},
        { first: 30, number: 1, size: 40 },
        { first: 20, number: 2, size: 20 },
        { first: 60, number: 1, size: 20 },
        { fields: 2 },
        { dropInvalid: false },
      ),
      (head, next, edits, places, limits) => {
        let wire = head + next;
        for (const { at, remove, insert } of edits) {
          const p = at % (wire.length + 1);
          wire = wire.slice(0, p) + insert.join('') + wire.slice(p + remove);
        }
        const enforced = { ...DEFAULT_LIMITS, ...limits };
        const whole = readRequest([wire], enforced);
        assert.equal(readRequest(cutAt(wire, places), enforced), whole);
        assert.equal(readRequest([...wire], enforced), whole);
      },
    ),
    { numRuns: 3000 },
  );
});

test('what stands behind a head changes nothing in it', () => {
  const whole = REQUEST_HEADS.filter(({ expected, limits }) => !/^(\d|more)/.test(expected) && limits === undefined);
  fc.assert(
    fc.property(
      fc.constantFrom(...whole),
      fc.string({ unit: 'binary-ascii', minLength: 1 }),
      ({ wire, expected }, more) => {
        const rest = expected.includes(' > ') ? '' : ' > ';
        assert.equal(readRequest([wire + more], DEFAULT_LIMITS), expected + rest + more);
      },
    ),
    { numRuns: 500 },
  );
});

test('the same head again is told as it was the first time, and limits that changed are obeyed', () => {
  const head = 'GET /a?b HTTP/1.1\r\nHost: x\r\nX-Long: yy\r\n\r\n';
  const reader = new RequestReader();
  for (const behind of ['', 'POST', '']) {
    assert.equal(reader.feed(head + behind, DEFAULT_LIMITS), COMPLETE);
    assert.deepEqual(
      [reader.method, reader.target, reader.query, reader.length, reader.headers.get('host'), reader.received],
      ['GET', '/a?b', 2, head.length, 'x', head + behind],
    );
    reader.reset();
  }
  assert.equal(reader.feed(head.slice(0, 20), DEFAULT_LIMITS), MORE);
  assert.equal(reader.feed(head.slice(20), DEFAULT_LIMITS), COMPLETE);
  reader.reset();
  assert.equal(reader.feed(head, { ...DEFAULT_LIMITS, fields: 1 }), REFUSED);
});

test('a reader tells any sequence of heads as fresh readers would', () => {
  const wires = REQUEST_HEADS.filter(({ limits }) => limits === undefined).map(({ wire }) => wire);
  const few = { ...DEFAULT_LIMITS, fields: 1 };
  const step = fc.record({
    pick: fc.nat(2),
    more: fc.constantFrom('', 'POST', '\0'),
    places: fc.array(fc.nat(), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(
      // Few different heads, so that many come again.
      fc.array(fc.constantFrom(...wires), { minLength: 3, maxLength: 3 }),
      fc.array(fc.tuple(step, fc.constantFrom(DEFAULT_LIMITS, DEFAULT_LIMITS, few)), { maxLength: 12 }),
      (heads, steps) => {
        const reader = new RequestReader();
        for (const [{ pick, more, places }, limits] of steps) {
          const pieces = cutAt((heads[pick] as string) + more, places);
          assert.equal(readRequest(pieces, limits, reader), readRequest(pieces, limits));
          reader.reset();
          assert.ok(reader.idle);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('a reader is as new after reset', () => {
  const reader = new RequestReader();
  for (const { wire, expected, limits } of REQUEST_HEADS) {
    reader.reset();
    assert.ok(reader.idle);
    const result = reader.feed(wire, { ...DEFAULT_LIMITS, ...limits });
    if (expected === 'more') assert.equal(result, MORE);
    else if (/^\d/.test(expected)) assert.deepEqual([result, `${reader.status} ${reader.reason}`], [REFUSED, expected]);
    else assert.equal(result, COMPLETE);
  }
});

test('blank lines leave a reader idle', () => {
  const reader = new RequestReader();
  assert.equal(reader.feed('\r\n\r\n', DEFAULT_LIMITS), MORE);
  assert.ok(reader.idle);
  assert.equal(reader.feed('G', DEFAULT_LIMITS), MORE);
  assert.ok(!reader.idle);
});

test('the request line is kept as it was written', () => {
  const reader = new RequestReader();
  reader.feed('\r\nGET  http://A/b  HTTP/1.1 \r\n\r\n', DEFAULT_LIMITS);
  assert.equal(reader.requestLine, 'GET  http://A/b  HTTP/1.1 ');
  assert.equal(reader.partialLine, reader.requestLine);
  reader.reset();
  assert.equal(reader.feed('GET /a\x01b HTTP/1.1\r\nHost: a', DEFAULT_LIMITS), REFUSED);
  assert.equal(reader.partialLine, 'GET /a\x01b HTTP/1.1');
});

const FRAMINGS: readonly (readonly [fact: string, version: number, fields: string, length: number, refusal: string])[] =
  [
    ['no field about a body', 11, 'Host: a', 0, ''],
    ['a length', 11, 'Content-Length: 5', 5, ''],
    ['a length of zero', 10, 'content-length: 0', 0, ''],
    ['a length with zeros in front', 11, 'Content-Length: 0000000000000000000000005', 5, ''],
    ['the largest length', 11, 'Content-Length: 9007199254740991', 9007199254740991, ''],
    [
      'a length that is too large',
      11,
      'Content-Length: 9007199254740992',
      0,
      '400 client sent invalid "Content-Length" header',
    ],
    [
      'a length of many digits',
      11,
      `Content-Length: ${'9'.repeat(400)}`,
      0,
      '400 client sent invalid "Content-Length" header',
    ],
    ['an empty length', 11, 'Content-Length:', 0, '400 client sent invalid "Content-Length" header'],
    ['a length without colon', 11, 'Content-Length', 0, '400 client sent invalid "Content-Length" header'],
    ['a negative length', 11, 'Content-Length: -1', 0, '400 client sent invalid "Content-Length" header'],
    ['a length with a sign', 11, 'Content-Length: +1', 0, '400 client sent invalid "Content-Length" header'],
    ['a hexadecimal length', 11, 'Content-Length: 0x10', 0, '400 client sent invalid "Content-Length" header'],
    ['a length with a space in it', 11, 'Content-Length: 1 0', 0, '400 client sent invalid "Content-Length" header'],
    ['a length with a tab behind', 11, 'Content-Length: 1\t', 0, '400 client sent invalid "Content-Length" header'],
    ['a list of lengths', 11, 'Content-Length: 5, 5', 0, '400 client sent invalid "Content-Length" header'],
    ['a length with an exponent', 11, 'Content-Length: 1e3', 0, '400 client sent invalid "Content-Length" header'],
    ['chunked', 11, 'Transfer-Encoding: chunked', -1, ''],
    ['chunked in another case', 11, 'transfer-encoding: ChunKed', -1, ''],
    [
      'chunked in HTTP/1.0',
      10,
      'Transfer-Encoding: chunked',
      0,
      '400 client sent HTTP/1.0 request with "Transfer-Encoding" header',
    ],
    [
      'chunked and a length',
      11,
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      0,
      '400 client sent "Content-Length" and "Transfer-Encoding" headers at the same time',
    ],
    [
      'a length and chunked',
      11,
      'Transfer-Encoding: chunked\r\nContent-Length: 0',
      0,
      '400 client sent "Content-Length" and "Transfer-Encoding" headers at the same time',
    ],
    ['another coding', 11, 'Transfer-Encoding: gzip', 0, '501 client sent unknown "Transfer-Encoding": "gzip"'],
    [
      'a list of codings',
      11,
      'Transfer-Encoding: gzip, chunked',
      0,
      '501 client sent unknown "Transfer-Encoding": "gzip, chunked"',
    ],
    [
      'the identity coding',
      11,
      'Transfer-Encoding: identity',
      0,
      '501 client sent unknown "Transfer-Encoding": "identity"',
    ],
    [
      'chunked with a tab',
      11,
      'Transfer-Encoding:\tchunked',
      0,
      '501 client sent unknown "Transfer-Encoding": "\tchunked"',
    ],
    ['an empty coding', 11, 'Transfer-Encoding:', 0, '501 client sent unknown "Transfer-Encoding": ""'],
  ];

describe('the framing of a request', () => {
  for (const [fact, version, fields, length, refusal] of FRAMINGS) {
    test(fact, () => {
      const reader = new RequestReader();
      assert.equal(reader.feed(`POST / HTTP/1.1\r\n${fields}\r\n\r\n`, DEFAULT_LIMITS), COMPLETE);
      const framing = requestFraming(reader.headers, version);
      assert.deepEqual(
        [framing.length, framing.status === 0 ? '' : `${framing.status} ${framing.reason}`],
        [length, refusal],
      );
    });
  }

  test('a length is digits and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.nat().map(String), fc.maxSafeNat().map(String)), (value) => {
        assert.equal(
          parseContentLength(value),
          /^\d+$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : -1,
        );
      }),
    );
  });

  test('a block without fields has no body', () => {
    assert.equal(requestFraming(new HeaderBlock(), 11).length, 0);
  });
});
