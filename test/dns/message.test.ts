import assert from 'node:assert/strict';
import { test } from 'node:test';
import { A, type Answer, encodeQuery, errorText, readAnswer, readResponse, type SRV } from '../../src/dns/message.js';

/** A response to the question for `a.test`; `flags` and records are hexadecimal. */
function answerOf(
  type: typeof A | typeof SRV,
  records: readonly string[],
  flags = '8180',
): Answer & { notes: string[] } {
  const question = (encodeQuery('a.test', type) ?? Buffer.alloc(0)).toString('hex').slice(24);
  const count = records.length.toString(16).padStart(4, '0');
  const text = `1234${flags}0001${count}00000000${question}${records.join('')}`.replaceAll(' ', '');
  const message = Buffer.from(text, 'hex');
  const notes: string[] = [];
  const read = readResponse(message, false, (id) => `query ${id}`);
  return { ...readAnswer(message, read, (note) => notes.push(note)), notes };
}

const ADDRESS = 'c00c 0001 0001 0000003c 0004 0a000001';

test('a query asks one recursive question', () => {
  assert.equal(
    encodeQuery('a.test', A)?.toString('hex'),
    '0000010000010000000000000161047465737400 00010001'.replace(' ', ''),
  );
  const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
  assert.equal(encodeQuery(longest, A)?.length, 12 + 255 + 4);
  for (const name of [`${longest}d`, '', '.', 'a..b', 'a.', 'x'.repeat(64)]) assert.equal(encodeQuery(name, A), null);
});

test('the TTL is the smallest one of all records, and a negative one counts as 0', () => {
  assert.equal(answerOf(A, [ADDRESS, ADDRESS.replace('3c', '05')]).ttl, 5);
  assert.equal(answerOf(A, [ADDRESS, ADDRESS.replace('0000003c', 'ffffffff')]).ttl, 0);
});

test('the last alias counts, unless there are addresses', () => {
  const alias = (letter: string) => `c00c 0005 0001 0000003c 0004 01${letter} c00e`;
  assert.equal(answerOf(A, [alias('62'), alias('43')]).alias, 'c.test');
  assert.equal(answerOf(A, [alias('62'), ADDRESS]).alias, null);
});

test('a DNAME above the name implies an alias; a CNAME is preferred', () => {
  const dname = (owner: string) => `${owner} 0027 0001 0000003c 0005 036e6577 00`;
  assert.equal(answerOf(A, [dname('c00e')]).alias, 'a.new');
  assert.equal(answerOf(A, [dname('c00c')]).alias, null);
  assert.equal(answerOf(A, [dname('c00e'), 'c00c 0005 0001 0000003c 0004 0162 c00e']).alias, 'b.test');
});

test('records of other types are noted', () => {
  const { addresses, notes } = answerOf(A, ['c00c 002e 0001 0000003c 0002 abcd', ADDRESS]);
  assert.deepEqual([addresses, notes], [['10.0.0.1'], ['unexpected RR type 46 in DNS response']]);
});

test('invalid responses are refused in the words of nginx', () => {
  const cases: [string, readonly string[], string?][] = [
    ['invalid UDP DNS response 4660 fl:0180', [], '0180'],
    ['invalid UDP DNS response 4660 fl:8980', [], '8980'],
    ['DNS error (1: Format error), query id:4660, name:"query 4660"', [], '8181'],
    ['DNS error (6: Unknown error), query id:4660', [], '8186'],
    ['short DNS response', ['c00c']],
    ['short DNS response', [ADDRESS.slice(0, -2)]],
    ['unexpected RR class 3 in DNS response', [ADDRESS.replace('0001 0000', '0003 0000')]],
    ['unexpected AAAA record in DNS response', [ADDRESS.replace('0001 0001', '001c 0001')]],
    ['invalid A record in DNS response', [`${ADDRESS.replace('0004', '0005')}00`]],
    ['invalid name in DNS response', [`00${ADDRESS.slice(4)}`]],
    ['compression pointers loop in DNS response', ['c00c 0005 0001 0000003c 0002 c024']],
    ['invalid label type in DNS response', ['c00c 0005 0001 0000003c 0002 8001']],
    ['name is out of DNS response', ['c00c 0005 0001 0000003c 0002 ffff']],
    ['name is out of DNS response', ['c00c 0005 0001 0000003c 0002 3f61']],
  ];
  for (const [message, records, flags] of cases) {
    assert.throws(() => answerOf(A, records, flags), { message }, message);
  }
});

test('errors have the texts of nginx', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 110].map(errorText).join(', '),
    'Format error, Server failure, Host not found, Unimplemented, Operation refused, Unknown error, Operation timed out',
  );
});
