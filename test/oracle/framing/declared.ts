/**
 * Where tsproxy is known to differ from nginx, and why. Every line is checked to be a difference still. A difference
 * never lets more through than nginx, except where it says so.
 */

import { older } from './declared-older.js';

export interface Declared {
  readonly group: string;
  /** Names of cases. */
  readonly cases: readonly string[];
  readonly reason: string;
  /** Only Debian's nginx 1.22 differs; the one whose behaviour is followed (1.31) does not. */
  readonly older?: true;
  /** tsproxy lets something through that this nginx does not. */
  readonly more?: true;
}

const requests: readonly Declared[] = [
  {
    group: 'one Content-Length',
    cases: ['value "9007199254740992"', 'value "9223372036854775807"'],
    reason: 'a length that is no exact number in JavaScript is invalid (400); nginx refuses it as too large (413)',
  },
  {
    group: 'trailer sections',
    cases: ['twenty thousand bytes'],
    reason: 'a trailer section has at most 16 KiB; nginx drops one of any size',
  },
  {
    group: 'Connection',
    cases: ['two fields, close first'],
    reason: 'RFC 9112 9.3: a connection is closed where any Connection field says so; nginx goes by the last one',
  },
];

const INTERIM = 'RFC 9110 15.2: an interim answer is not the final one; nginx takes it for that';

const answers: readonly Declared[] = [
  {
    group: 'status lines',
    cases: [
      ...['HTTP/1.1\\t200 OK', 'HTTP/1.1 200\\tOK', 'HTTP/1.1 2000 OK', 'HTTP/1.1 20 OK', 'HTTP/1.1 20x OK'],
      ...['HTTP/1.1 -200 OK', 'HTTP/1.1 +200 OK', 'HTTP/1.1', 'HTTP/1.1 OK', 'HTTP/2 200 OK', 'HTTP/0.9 200 OK'],
      ...['HTTP/01.1 200 OK', 'http/1.1 200 OK', ' HTTP/1.1 200 OK', 'xHTTP/1.1 200 OK', 'HTTP/1.1 200 O\\rK'],
      ...['ICY 200 OK', 'garbage', '', '<html>', '\\u0000', 'GET /probe HTTP/1.1'],
    ].map((line) => `"${line}"`),
    reason: 'what is no answer of HTTP/1 is answered with 502; nginx passes it on as an answer of HTTP/0.9',
  },
  {
    group: 'status lines',
    cases: ['a blank line in front', 'a body alone'],
    reason: 'what is no answer of HTTP/1 is answered with 502; nginx passes it on as an answer of HTTP/0.9',
  },
  {
    group: 'field lines of answers',
    cases: ['CR at the end of all lines'],
    reason: 'what is no answer of HTTP/1 is answered with 502; nginx passes it on as an answer of HTTP/0.9',
  },
  {
    group: 'status lines',
    cases: ['"HTTP/1.1 099 OK"', '"HTTP/1.1 000 OK"'],
    reason: 'RFC 9110 15: a status below 100 is none; nginx passes it on',
  },
  {
    group: 'status lines',
    cases: ['"HTTP/1.1 200.1 OK"'],
    reason: 'the part behind the dot, which is no part of a status (RFC 9112 4), is not passed on; by nginx it is',
    more: true,
  },
  {
    group: 'status lines',
    cases: ['"HTTP/1.1 100"'],
    reason: INTERIM,
    more: true,
  },
  {
    group: 'field lines of answers',
    cases: ['"TE: trailers"'],
    reason: 'RFC 9110 7.6.1: TE is for one hop; nginx passes it on',
  },
  {
    group: 'lengths of answers',
    cases: ['value "9007199254740992"', 'value "9223372036854775807"'],
    reason: 'a length that is no exact number in JavaScript is invalid (502)',
  },
  {
    group: 'interim answers',
    cases: [
      ...['100 alone', '100 with a length', '100 with chunks', '101 that nobody asked for', '101 without Upgrade'],
    ],
    reason: INTERIM,
    more: true,
  },
  {
    group: 'bytes behind answers',
    cases: ['an answer behind HEAD'],
    reason: 'a connection on which bytes came that nobody asked for is closed; nginx drops them here and keeps it',
  },
];

export const declared: readonly Declared[] = [...requests, ...answers, ...older];
