/** DNS responses: whatever arrives is a valid answer of bounded size, or an InvalidResponse. */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { A, AAAA, encodeQuery, InvalidResponse, readAnswer, readResponse, SRV } from '../../src/dns/message.js';
import { type FuzzTarget, mutatedBytes } from './target.js';

const POINTER = '\xc0\x0c';

/** A response without errors; `records` are strings of bytes. */
function response(name: string, type: typeof A | typeof AAAA | typeof SRV, ...records: string[]): string {
  const query = encodeQuery(name, type)?.latin1Slice() ?? '';
  return `\x12\x34\x81\x80\0\x01\0${String.fromCharCode(records.length)}\0\0\0\0${query.slice(12)}${records.join('')}`;
}

function record(owner: string, type: number, data: string): string {
  return `${owner}\0${String.fromCharCode(type)}\0\x01\0\0\0\x3c\0${String.fromCharCode(data.length)}${data}`;
}

const MESSAGES = [
  response('a.test', A, record(POINTER, 1, '\x0a\0\0\x01'), record(POINTER, 1, '\x0a\0\0\x02')),
  response('a.test', AAAA, record(POINTER, 28, `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01`)),
  response('www.example.test', A, record(POINTER, 5, '\x05alias\xc0\x10'), record('\xc0\x2f', 1, '\x7f\0\0\x01')),
  response('b.old.test', A, record('\xc0\x0e', 39, '\x03new\xc0\x12')),
  response('b.old.test', AAAA, record('\xc0\x0e', 39, '\x03new\xc0\x12'), record(POINTER, 5, '\x01b\x03new\xc0\x12')),
  response(
    '_x._tcp.test',
    SRV,
    record(POINTER, 33, '\0\x01\0\x05\x1f\x90\x01t\xc0\x14'),
    record('\0', 33, '\0\0\0\0\0\0\0'),
  ),
  response('a.test', A),
  response('a.test', A, record(POINTER, 5, POINTER), record(POINTER, 46, 'signature')),
];
const WORDS = [
  POINTER,
  '\xc0\0',
  '\xff\xff',
  '\0',
  '\x3f',
  '\x40',
  '\0\x01',
  '\0\x1c',
  '\0\x21',
  '\0\x05',
  '\0\x27',
  '.',
];
const MAX_NAME = 255;

export function checkDnsMessage(text: string): void {
  const message = Buffer.from(text, 'latin1');
  for (const overTcp of [false, true]) {
    try {
      const read = readResponse(message, overTcp, () => 'a.test');
      // The name is that of the question, byte for byte except for case.
      const question = encodeQuery(read.name, read.type);
      assert.equal(question?.latin1Slice(12), asked(message, question?.length ?? 0));
      let notes = 0;
      const { addresses, services, alias, ttl } = readAnswer(message, read, () => notes++);
      assert.ok(addresses.length + services.length + notes <= read.count && read.count * 12 <= message.length);
      for (const address of addresses) assert.equal(isIP(address), read.type === A ? 4 : 6);
      for (const { target } of services) assert.ok(target.length < MAX_NAME);
      assert.ok(alias === null || (alias.length < MAX_NAME && addresses.length + services.length === 0));
      assert.ok(ttl >= 0 && (read.count === 0 || ttl < 2 ** 31));
    } catch (error) {
      assert.ok(error instanceof InvalidResponse, error as Error);
    }
  }
}

function asked(message: Buffer, end: number): string {
  return message.latin1Slice(12, end).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

export const dnsMessages: FuzzTarget = {
  name: 'dns-messages',
  make: (random) => mutatedBytes(MESSAGES, WORDS, random),
  check: checkDnsMessage,
};
