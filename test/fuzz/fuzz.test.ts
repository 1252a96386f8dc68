/**
 * The readers of HTTP over mutations of known messages, and over structures made by fast-check. More of it, and mutations of
 * configurations: `node dist/bench/fuzz.js`.
 */
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '../http1/splits.js';
import { Random } from '../stress/random.js';
import { checkChunks } from './chunks.js';
import { checkCookies, checkForwarded, checkTarget } from './fields.js';
import { checkFrames } from './frames.js';
import { checkRequestHead, checkResponseHead } from './heads.js';
import { readers } from './index.js';
import { checkAgainstLlhttp } from './llhttp.js';
import { caseOf } from './target.js';

const CASES = Number(process.env.FUZZ_CASES ?? 1500);

describe('mutations', () => {
  for (const target of readers) {
    test(`${target.name}: nothing is read in two ways`, async () => {
      for (let i = 0; i < CASES; i++) {
        const { text, check } = caseOf(target, new Random(1_000_003 + i));
        try {
          await check();
        } catch (error) {
          throw new Error(`case ${i}: ${JSON.stringify(text)}`, { cause: error });
        }
      }
    });
  }
});

const bytes = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)), maxLength });
const cuts = fc.array(fc.nat(), { maxLength: 10 });
const token = fc.string({ unit: fc.constantFrom(...'abcXYZ-09_'), minLength: 1, maxLength: 12 });
const value = fc.oneof(bytes(20), fc.constantFrom('', ' ', 'chunked', '5', 'close', 'a\tb', '\x7f'));
const lines = fc.array(
  fc.tuple(token, fc.constantFrom(':', ': ', ' :', ':\t', ''), value, fc.constantFrom('\r\n', '\n', '\r\r\n')),
  {
    maxLength: 8,
  },
);
const head = (start: string) => lines.map((all) => `${start}\r\n${all.map((line) => line.join('')).join('')}\r\n`);

describe('structures', () => {
  test('a request head that is accepted is read alike when it is written again', () => {
    fc.assert(
      fc.property(head('GET /a?b HTTP/1.1'), cuts, (text, at) => checkRequestHead(text, at, DEFAULT_LIMITS)),
      { numRuns: 500 },
    );
  });
  test('an answer head that is accepted is read alike when it is written again', () => {
    fc.assert(
      fc.property(head('HTTP/1.1 200 OK'), cuts, (text, at) => checkResponseHead(text, at, 4096)),
      { numRuns: 500 },
    );
  });
  test('any bytes are chunks to nobody, or to everybody', () => {
    const chunk = fc.tuple(
      fc.constantFrom('0', '1', '5', 'a', '05'),
      fc.constantFrom('\r\n', ';a\r\n', '\n'),
      bytes(12),
      fc.constantFrom('\r\n', '\n', ''),
    );
    const body = fc.array(chunk, { maxLength: 6 }).map((all) => all.map((parts) => parts.join('')).join(''));
    fc.assert(
      fc.property(body, bytes(20), cuts, (text, rest, at) => checkChunks(`${text}0\r\n\r\n${rest}`, at)),
      { numRuns: 500 },
    );
  });
  test('any bytes are frames that end where they end', () => {
    fc.assert(fc.property(bytes(200), cuts, checkFrames), { numRuns: 500 });
  });
  test('a cookie is found wherever it stands', () => {
    const pair = fc.tuple(fc.constantFrom('a', 'A', 'b', 'session', 'c'), fc.constantFrom('=', ' = ', ''), bytes(8));
    const field = fc.array(pair, { maxLength: 5 }).map((pairs) => pairs.map((parts) => parts.join('')).join('; '));
    fc.assert(fc.property(fc.array(field, { maxLength: 3 }), checkCookies), { numRuns: 500 });
  });
  test('no reported address is believed without trust in whoever reported it', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom('10.0.0.9', 'unknown', '', '10.0.0.9:1', '[::1]:2'),
      bytes(6),
    );
    const list = fc.array(address, { maxLength: 6 }).map((all) => all.join(', '));
    fc.assert(
      fc.property(fc.array(list, { maxLength: 3 }), (lists) => checkForwarded(lists, (b) => b[0] === 10)),
      { numRuns: 500 },
    );
  });
  test('a path is its own normal form and stays below the root', () => {
    const segment = fc.oneof(fc.constantFrom('.', '..', '', '%2e', '%2F', 'a', '%25', '...'), bytes(4));
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 8 }), (all) => checkTarget(`/${all.join('/')}`)),
      { numRuns: 1000 },
    );
  });
  test('llhttp reads the request that was accepted', async () => {
    await fc.assert(
      fc.asyncProperty(head('POST /a HTTP/1.1'), bytes(10), (text, body) =>
        checkAgainstLlhttp(text.replace('\r\n', `\r\nContent-Length: ${body.length}\r\n`) + body),
      ),
      { numRuns: 300 },
    );
  });
});
