/** Heads of requests in the form of HTTP/1 as fields of HTTP/2, and fields of responses as heads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldNumber } from '../../src/http/field-names.js';
import { HeaderBlock } from '../../src/http/header-block.js';
import { convertRequestHead } from '../../src/http2/request-conversion.js';
import { UpstreamFields } from '../../src/http2/upstream-fields.js';

function fieldsOf(head: string, secure = false): string[] {
  const fields: string[] = [];
  convertRequestHead(head, secure, { field: (name, value) => fields.push(`${name}=${value}`) });
  return fields;
}

test('request line and Host become pseudo-fields, which come first', () => {
  assert.deepEqual(fieldsOf('GET /a?b HTTP/2.0\r\nX-One: 1\r\nHost: example.com:81\r\n\r\n'), [
    ':method=GET',
    ':scheme=http',
    ':path=/a?b',
    ':authority=example.com:81',
    'x-one=1',
  ]);
  assert.deepEqual(fieldsOf('OPTIONS * HTTP/2.0\r\n\r\n', true), [':method=OPTIONS', ':scheme=https', ':path=*']);
});

test('fields of a connection are not sent; TE has at most trailers', () => {
  const head = [
    'POST / HTTP/2.0',
    'Host: a',
    'Connection: close, X-Two',
    'Keep-Alive: 5',
    'Proxy-Connection: close',
    'Transfer-Encoding: chunked',
    'Upgrade: websocket',
    'HTTP2-Settings: x',
    'TE: gzip, trailers;q=1',
    'X-Two:  spaces  ',
    'X-Empty:',
    '',
    '',
  ].join('\r\n');
  assert.deepEqual(fieldsOf(head).slice(4), ['te=trailers', 'x-two=spaces', 'x-empty=']);
  assert.deepEqual(fieldsOf('GET / HTTP/2.0\r\nHost: a\r\nTE: gzip\r\n\r\n').slice(4), []);
});

/** Collects fields; returns the error, or the head as text. */
function collected(pairs: readonly (readonly [string, string])[], trailers = false, limit = 4096): string {
  const fields = new UpstreamFields();
  fields.begin(trailers, limit);
  for (const [name, value] of pairs) fields.field(name, value, fieldNumber(name, 0, name.length));
  const error = fields.end();
  if (error !== null) return error;
  const block = new HeaderBlock();
  fields.fill(block);
  assert.equal(block.lines(null), fields.lines);
  const lines = Array.from({ length: block.count }, (_, i) => `${block.name(i)}=${block.value(i)}`);
  return [`${fields.status}`, ...lines].join(' ');
}

test('fields of a response become a head, without those of a connection', () => {
  const pairs = [
    [':status', '200'],
    ['x-one', 'a'],
    ['transfer-encoding', 'chunked'],
    ['connection', 'close'],
    ['x-empty', ''],
    ['x-one', 'b'],
  ] as const;
  assert.equal(collected(pairs), '200 x-one=a x-empty= x-one=b');
  assert.equal(collected([['x-sum', '3']], true), '0 x-sum=3');
});

test('invalid fields of a response are errors in the words of nginx', () => {
  const status = [':status', '200'] as const;
  const cases: readonly (readonly [readonly (readonly [string, string])[], string])[] = [
    [[], 'upstream sent no :status header'],
    [[['x', 'y'], status], 'upstream sent no :status header'],
    [[status, status], 'upstream sent duplicate :status header'],
    [[[':status', '20']], 'upstream sent invalid :status "20"'],
    [[[':status', '+20']], 'upstream sent invalid :status "+20"'],
    [[[':status', '099']], 'upstream sent unexpected :status "099"'],
    [[[':status', '101']], 'upstream sent unexpected :status "101"'],
    [[status, [':path', '/']], 'upstream sent invalid header ":path: /"'],
    [[status, ['X', 'y']], 'upstream sent invalid header: "X: y"'],
    [[status, ['x y', 'z']], 'upstream sent invalid header: "x y: z"'],
    [[status, ['x:y', 'z']], 'upstream sent invalid header: "x:y: z"'],
    [[status, ['x\n', 'z']], 'upstream sent invalid header: "x\n: z"'],
    [[status, ['x', 'a\r\nb: c']], 'upstream sent invalid header: "x: a\r\nb: c"'],
    [[status, ['x', 'a\0']], 'upstream sent invalid header: "x: a\0"'],
    [[status, ['x', 'y'.repeat(5000)]], 'upstream sent too big header'],
  ];
  for (const [pairs, error] of cases) assert.equal(collected(pairs), error);
  assert.equal(collected([[':status', '200']], true), 'upstream sent invalid trailer ":status: 200"');
});
