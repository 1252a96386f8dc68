/** Request heads as they come over the wire, and what is to become of each. */
import type { HeadLimits } from '../../src/http1/request-reader.js';

export interface RequestCase {
  readonly fact: string;
  readonly wire: string;
  /** As `readRequest` shows it. */
  readonly expected: string;
  readonly limits?: Partial<HeadLimits>;
}

const METHOD = '400 client sent invalid method';
const REQUEST = '400 client sent invalid request';
const VERSION = '505 client sent invalid version';
const OLD = '400 client sent invalid method in HTTP/0.9 request';
const badLine = (shown: string, byte: string): string => `400 client sent invalid header line: "${shown}\\x${byte}..."`;

/** [fact, request line without its end, what is read]. Each is tried with CRLF and with LF. */
const LINES: readonly (readonly [string, string, string])[] = [
  ['a plain line', 'GET / HTTP/1.1', 'GET / 1.1'],
  ['HTTP/1.0', 'GET /a HTTP/1.0', 'GET /a 1.0'],
  ['a minor version with a zero in front', 'GET / HTTP/1.01', 'GET / 1.1'],
  ['a minor version of zeros', 'GET / HTTP/1.0000', 'GET / 1.0'],
  ['a later minor version', 'GET / HTTP/1.9', 'GET / 1.1'],
  ['a minor version of three digits', 'GET / HTTP/1.999', 'GET / 1.1'],
  ['a minor version of four digits', 'GET / HTTP/1.9999', REQUEST],
  ['a minor version that grows past 99', 'GET / HTTP/1.1000', REQUEST],
  ['spaces between the parts', 'GET    /a    HTTP/1.1', 'GET /a 1.1'],
  ['spaces at the end', 'GET /a HTTP/1.1   ', 'GET /a 1.1'],
  ['a method with dash and underscore', 'M-SEARCH_ / HTTP/1.1', 'M-SEARCH_ / 1.1'],
  ['a method that begins with a dash', '-A / HTTP/1.1', '-A / 1.1'],
  ['an unknown method', 'FROBNICATE / HTTP/1.1', 'FROBNICATE / 1.1'],
  ['a one letter method', 'G / HTTP/1.1', 'G / 1.1'],
  ['a long method', `${'A'.repeat(300)} / HTTP/1.1`, `${'A'.repeat(300)} / 1.1`],
  ['a method in lower case', 'get / HTTP/1.1', METHOD],
  ['a method in mixed case', 'Get / HTTP/1.1', METHOD],
  ['a digit in a method', 'GET2 / HTTP/1.1', METHOD],
  ['a space in front', ' GET / HTTP/1.1', METHOD],
  ['a tab in front', '\tGET / HTTP/1.1', METHOD],
  ['a tab behind the method', 'GET\t/ HTTP/1.1', METHOD],
  ['a colon in the method', 'GET: / HTTP/1.1', METHOD],
  ['NUL in the method', 'G\0T / HTTP/1.1', METHOD],
  ['a byte above 127 in the method', 'G\xc9T / HTTP/1.1', METHOD],
  ['the start of a TLS handshake', '\x16\x03\x01\x02\0', METHOD],
  ['a word alone', 'GET', METHOD],
  ['a method and a space', 'GET ', REQUEST],
  ['no target', 'GET  HTTP/1.1', REQUEST],
  ['a query', 'GET /a?b=c HTTP/1.1', 'GET /a?b=c 1.1 ?2'],
  ['an empty query', 'GET /? HTTP/1.1', 'GET /? 1.1 ?1'],
  ['a second question mark', 'GET /a?b?c HTTP/1.1', 'GET /a?b?c 1.1 ?2'],
  ['slashes and dots in a query only', 'GET /a?//../%zz HTTP/1.1', 'GET /a?//../%zz 1.1 ?2'],
  ['an escape', 'GET /%41 HTTP/1.1', 'GET /%41 1.1 complex'],
  ['two slashes', 'GET //a HTTP/1.1', 'GET //a 1.1 complex'],
  ['a dot segment', 'GET /a/../b HTTP/1.1', 'GET /a/../b 1.1 complex'],
  ['a segment that begins with a dot', 'GET /.well-known HTTP/1.1', 'GET /.well-known 1.1 complex'],
  ['dots inside a segment', 'GET /a..b HTTP/1.1', 'GET /a..b 1.1'],
  ['a fragment', 'GET /a#b HTTP/1.1', 'GET /a#b 1.1 complex'],
  ['a question mark inside a fragment', 'GET /a#b?c HTTP/1.1', 'GET /a#b?c 1.1 complex'],
  ['a fragment behind a query', 'GET /a?b#c HTTP/1.1', 'GET /a?b#c 1.1 complex ?2'],
  ['bytes above 127 in the target', 'GET /\xe4\xff HTTP/1.1', 'GET /\xe4\xff 1.1'],
  ['quotes, brackets, backslash in the target', 'GET /"<>[]\\^`{|} HTTP/1.1', 'GET /"<>[]\\^`{|} 1.1'],
  ['a tab in the target', 'GET /a\tb HTTP/1.1', REQUEST],
  ['NUL in the target', 'GET /a\0b HTTP/1.1', REQUEST],
  ['DEL in the target', 'GET /a\x7fb HTTP/1.1', REQUEST],
  ['a control in the query', 'GET /a?\x01 HTTP/1.1', REQUEST],
  ['a space in the target', 'GET /a b HTTP/1.1', REQUEST],
  ['a word behind the version', 'GET / HTTP/1.1 x', REQUEST],
  ['a tab behind the version', 'GET / HTTP/1.1\t', REQUEST],
  ['a tab in front of the version', 'GET /\tHTTP/1.1', REQUEST],
  ['a relative target', 'GET a HTTP/1.1', REQUEST],
  ['an asterisk', 'OPTIONS * HTTP/1.1', REQUEST],
  ['a target that begins with a question mark', 'GET ?a HTTP/1.1', REQUEST],
  ['a version in lower case', 'GET / http/1.1', REQUEST],
  ['another protocol', 'GET / HTCPCP/1.0', REQUEST],
  ['a protocol without version', 'GET / HTTP', REQUEST],
  ['a version without number', 'GET / HTTP/', REQUEST],
  ['a version without dot', 'GET / HTTP/1', REQUEST],
  ['a version without minor', 'GET / HTTP/1.', REQUEST],
  ['a version with letters', 'GET / HTTP/1.x', REQUEST],
  ['a version with a comma', 'GET / HTTP/1,1', REQUEST],
  ['a space inside the version', 'GET / HTTP/ 1.1', REQUEST],
  ['a sign in the version', 'GET / HTTP/+1.1', REQUEST],
  ['explicit version 0.9', 'GET / HTTP/0.9', REQUEST],
  ['version 0.1', 'GET / HTTP/0.1', REQUEST],
  ['a major version with a zero in front', 'GET / HTTP/01.1', REQUEST],
  ['version 2.0', 'GET / HTTP/2.0', VERSION],
  ['version 2', 'GET / HTTP/2', VERSION],
  ['version 3 and rubbish', 'GET / HTTP/3x', VERSION],
  ['version 11.1', 'GET / HTTP/11.1', VERSION],
  ['version 10', 'GET / HTTP/10', VERSION],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0', REQUEST],
  ['absolute-form', 'GET http://a.example/b?c HTTP/1.1', 'GET /b?c 1.1 (a.example) ?2'],
  ['absolute-form with port', 'GET http://a.example:80/b HTTP/1.1', 'GET /b 1.1 (a.example:80)'],
  ['absolute-form with an empty port', 'GET http://a:/b HTTP/1.1', 'GET /b 1.1 (a:)'],
  ['absolute-form without path', 'GET http://a HTTP/1.1', 'GET / 1.1 (a)'],
  ['absolute-form with port, without path', 'GET http://a:81 HTTP/1.0', 'GET / 1.0 (a:81)'],
  ['absolute-form with a query and no path', 'GET http://a?b=c HTTP/1.1', 'GET /?b=c 1.1 (a) ?1'],
  ['absolute-form with port, query and no path', 'GET http://a:8?b HTTP/1.1', 'GET /?b 1.1 (a:8) ?1'],
  ['absolute-form of another scheme', 'GET coap+x-1.0://a/ HTTP/1.1', 'GET / 1.1 (a)'],
  ['absolute-form in upper case', 'GET HTTP://A.Example/ HTTP/1.1', 'GET / 1.1 (A.Example)'],
  ['absolute-form to an IPv6 literal', 'GET http://[::1]:8/x HTTP/1.1', 'GET /x 1.1 ([::1]:8)'],
  ['absolute-form with a path to normalise', 'GET http://a//b HTTP/1.1', 'GET //b 1.1 (a) complex'],
  ['absolute-form without host', 'GET http:///b HTTP/1.1', 'GET /b 1.1 ()'],
  ['absolute-form with a port alone', 'GET http://:80/b HTTP/1.1', 'GET /b 1.1 (:80)'],
  ['absolute-form in HTTP/0.9 with a path', 'GET http://a/b', 'GET /b 0.9 (a)'],
  ['absolute-form that ends with the host', 'GET http://a', REQUEST],
  ['absolute-form that ends with the port', 'GET http://a:80', REQUEST],
  ['absolute-form with a fragment for a path', 'GET http://a#b HTTP/1.1', REQUEST],
  ['absolute-form with user information', 'GET http://u:p@a/ HTTP/1.1', REQUEST],
  ['absolute-form with an underscore in the host', 'GET http://a_b/ HTTP/1.1', REQUEST],
  ['absolute-form with an escape in the host', 'GET http://%41/ HTTP/1.1', REQUEST],
  ['absolute-form with letters in the port', 'GET http://a:8x/ HTTP/1.1', REQUEST],
  ['absolute-form with an open literal', 'GET http://[::1/ HTTP/1.1', REQUEST],
  ['absolute-form with a byte behind the literal', 'GET http://[::1]x/ HTTP/1.1', REQUEST],
  ['absolute-form with one slash', 'GET http:/a HTTP/1.1', REQUEST],
  ['absolute-form without slashes', 'GET http:a HTTP/1.1', REQUEST],
  ['a scheme with an underscore', 'GET ht_tp://a/ HTTP/1.1', REQUEST],
  ['a scheme that begins with a digit', 'GET 1http://a/ HTTP/1.1', REQUEST],
  ['authority-form', 'CONNECT a.example:443 HTTP/1.1', 'CONNECT / 1.1 (a.example:443)'],
  ['authority-form with a literal', 'CONNECT [::1]:443 HTTP/1.1', 'CONNECT / 1.1 ([::1]:443)'],
  ['authority-form without port', 'CONNECT a.example HTTP/1.1', REQUEST],
  ['authority-form with an empty port', 'CONNECT a.example: HTTP/1.1', REQUEST],
  ['authority-form with a path', 'CONNECT a.example:443/ HTTP/1.1', REQUEST],
  ['authority-form in HTTP/0.9', 'CONNECT a.example:443 ', OLD],
  ['CONNECT with origin-form', 'CONNECT / HTTP/1.1', REQUEST],
  ['CONNECT with absolute-form', 'CONNECT http://a:80/ HTTP/1.1', REQUEST],
  ['authority-form of another method', 'GET a.example:443 HTTP/1.1', REQUEST],
  ['HTTP/0.9', 'GET /a', 'GET /a 0.9'],
  ['HTTP/0.9 with spaces behind', 'GET /a  ', 'GET /a 0.9'],
  ['HTTP/0.9 with a query', 'GET /a?b', 'GET /a?b 0.9 ?2'],
  ['HTTP/0.9 with another method', 'POST /a', OLD],
  ['HTTP/0.9 with HEAD', 'HEAD /', OLD],
];

/** [fact, field lines without the blank line, what is read behind `GET / 1.1`, or the refusal]. */
const FIELDS: readonly (readonly [string, string, string, Partial<HeadLimits>?])[] = [
  ['no field', '', ''],
  ['a field', 'Host: a\r\n', ' | Host=a'],
  ['fields in their order and case', 'hOST: a\r\nX-b: C\r\nx-B: d\r\n', ' | hOST=a | X-b=C | x-B=d'],
  ['bare LF behind a field', 'Host: a\nB: c\r\n', ' | Host=a | B=c'],
  ['no space behind the colon', 'Host:a\r\n', ' | Host=a'],
  ['spaces around a value', 'A:   b c   \r\n', ' | A=b c'],
  ['an empty value', 'A:\r\nB: \r\nC:    \r\n', ' | A= | B= | C='],
  ['a tab around a value stays', 'A:\tb\t\r\n', ' | A=\tb\t'],
  ['a colon in a value', 'Host: a:80\r\nB: :\r\n', ' | Host=a:80 | B=:'],
  ['bytes above 127 in a value', 'A: \xe4\xff\r\n', ' | A=\xe4\xff'],
  ['controls in a value', 'A: \x01\x1f\x7f\r\n', ' | A=\x01\x1f\x7f'],
  ['digits and dashes in a name', '1-a: b\r\n-: c\r\n', ' | 1-a=b | -=c'],
  ['a name without colon has an empty value', 'Foo\r\nBar\nB: c\r\n', ' | Foo= | Bar= | B=c'],
  ['several CRs in front of LF', 'A: b\r\r\nB: c \r\r\r\nD\r\r\n', ' | A=b | B=c | D='],
  ['an underscore in a name is dropped', 'A_b: c\r\nD: e\r\n', ' | D=e | dropped A_b: c'],
  ['an underscore in a name where that is allowed', 'A_b: c\r\n_: d\r\n', ' | A_b=c | _=d', { underscores: true }],
  ['odd names are dropped', 'A.b: c\r\n@: d\r\n\xe4: e\r\nF: g\r\n', ' | F=g | dropped A.b: c, @: d, \xe4: e'],
  ['odd names are kept if configured', 'A.b: c\r\nA_: d\r\n', ' | A.b=c | A_=d', { dropInvalid: false }],
  ['a field that comes twice', 'A: 1\r\nA: 2\r\n', ' | A=1 | A=2'],
  ['a space in front of the colon', 'Host : a\r\n', badLine('Host', '20')],
  ['a tab in front of the colon', 'Host\t: a\r\n', badLine('Host', '09')],
  ['a space in a name', 'Ho st: a\r\n', badLine('Ho', '20')],
  ['a folded line', 'A: b\r\n c\r\n', badLine('', '20')],
  ['a line folded with a tab', 'A: b\r\n\tc\r\n', badLine('', '09')],
  ['a space in front of the first field', ' A: b\r\n', badLine('', '20')],
  ['an empty name', ': a\r\n', badLine('', '3a')],
  ['a line of one space', 'A: b\r\n \r\n', badLine('', '20')],
  ['NUL in a name', 'A\0b: c\r\n', badLine('A', '00')],
  ['NUL in front of a name', '\0A: c\r\n', badLine('', '00')],
  ['DEL in a name', 'A\x7f: c\r\n', badLine('A', '7f')],
  ['a control in a name', 'A\x01: c\r\n', badLine('A', '01')],
  ['NUL in a value', 'A: b\0c\r\n', badLine('A: b', '00')],
  ['NUL at the start of a value', 'A: \0\r\n', badLine('A: ', '00')],
  ['NUL at the end of a value', 'A: b \0\r\n', badLine('A: b ', '00')],
  ['bare CR in a value', 'A: b\rc\r\n', badLine('A: b', '0d')],
  ['bare CR at the start of a value', 'A: \rb\r\n', badLine('A: ', '0d')],
  ['bare CR that would begin a field', 'A: b\rTransfer-Encoding: chunked\r\n', badLine('A: b', '0d')],
  ['CR and a space at the end', 'A: b\r \r\n', badLine('A: b', '0d')],
  ['bare CR in a name', 'A\rb: c\r\n', badLine('A', '0d')],
  ['bare CR in front of a name', '\rA: c\r\n', badLine('', '0d')],
  ['two CRs for the blank line', 'A: b\r\n\r', badLine('', '0d')],
  ['a request line among the fields', 'GET / HTTP/1.1\r\n', badLine('GET', '20')],
  ['as many fields as are allowed', 'A: 1\r\nB: 2\r\nC: 3\r\n', ' | A=1 | B=2 | C=3', { fields: 3 }],
  ['dropped fields are not counted', 'A_: 1\r\nB: 2\r\n', ' | B=2 | dropped A_: 1', { fields: 1 }],
  ['a field too many', 'A: 1\r\nB: 2\r\n', '494 client sent too many header lines', { fields: 1 }],
];

const LONG = { first: 32, size: 32, number: 2 };

/** [fact, wire, what is read]; three buffers of 32 bytes. */
const SIZES: readonly (readonly [string, string, string])[] = [
  ['a request line of the size', `GET /${'a'.repeat(16)} HTTP/1.1\r\n\r\n`, `GET /${'a'.repeat(16)} 1.1`],
  ['a request line of the size that ends with LF', `GET /${'a'.repeat(17)} HTTP/1.1\n\n`, `GET /${'a'.repeat(17)} 1.1`],
  ['a request line one byte too long', `GET /${'a'.repeat(17)} HTTP/1.1\r\n\r\n`, '414 client sent too long URI'],
  ['a target without end', `GET /${'a'.repeat(90)}`, '414 client sent too long URI'],
  ['a method without end', 'A'.repeat(90), '414 client sent too long URI'],
  ['a host without end', `GET http://${'a'.repeat(90)}`, '414 client sent too long URI'],
  ['spaces without end', `GET ${' '.repeat(90)}`, '414 client sent too long URI'],
  ['a bad byte behind the size', `GET /${'a'.repeat(30)}\0 HTTP/1.1\r\n`, '414 client sent too long URI'],
  ['a bad byte in front of the size', `GET /${'a'.repeat(20)}\0${'a'.repeat(30)}`, REQUEST],
  ['blank lines in front do not count', `${'\r\n'.repeat(60)}GET / HTTP/1.1\r\n\r\n`, 'GET / 1.1'],
  ['a field line of the size', `GET / HTTP/1.1\r\nA: ${'b'.repeat(27)}\r\n\r\n`, `GET / 1.1 | A=${'b'.repeat(27)}`],
  [
    'a field line one byte too long',
    `GET / HTTP/1.1\r\nA: ${'b'.repeat(28)}\r\n\r\n`,
    `494 client sent too long header line: "A: ${'b'.repeat(28)}\r..."`,
  ],
  [
    'a field without end',
    `GET / HTTP/1.1\r\nA: ${'b'.repeat(90)}`,
    `494 client sent too long header line: "A: ${'b'.repeat(29)}..."`,
  ],
  // A line that does not fit behind the others moves to the next buffer, so that these three hold 90 bytes of it.
  [
    'a head that fills the buffers',
    `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(12)}\r\n`,
    `GET / 1.1${' | A=b'.repeat(12)}`,
  ],
  [
    'a head one byte too large',
    `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(11)}A: bb\r\n\r\n`,
    '494 client sent too long header line: "\r..."',
  ],
  [
    'a line that ends behind the buffers',
    `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(14)}\r\n`,
    '494 client sent too long header line: "A:..."',
  ],
  [
    'a line that begins behind the buffers',
    `GET / HTTP/1.1\r\n${`A: ${'b'.repeat(11)}\r\n`.repeat(5)}C: d\r\n\r\n`,
    `494 client sent too long header line: "A: ${'b'.repeat(11)}\r\n..."`,
  ],
  [
    'a bad byte behind the buffers',
    `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(12)}A:\0\r\n\r\n`,
    '494 client sent too long header line: "A:..."',
  ],
  [
    'a bad byte in front of the end of the buffers',
    `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(12)}A\0${'b'.repeat(40)}`,
    badLine('A', '00'),
  ],
];

/** [fact, wire, what is read]. */
const WHOLE: readonly (readonly [string, string, string])[] = [
  ['a body behind the head is left', 'POST / HTTP/1.1\r\nA: b\r\n\r\nbody', 'POST / 1.1 | A=b > body'],
  ['a second request behind the head is left', 'GET / HTTP/1.1\r\n\r\nGET /b', 'GET / 1.1 > GET /b'],
  ['a bad byte behind the head is left', 'GET / HTTP/1.1\r\n\r\n\0', 'GET / 1.1 > \0'],
  ['bytes behind HTTP/0.9 are left', 'GET /a\r\nHost: b\r\n\r\n', 'GET /a 0.9 > Host: b\r\n\r\n'],
  ['blank lines in front', '\r\n\n\r\r\nGET / HTTP/1.1\r\n\r\n', 'GET / 1.1'],
  ['nothing but blank lines', '\r\n\r\n', 'more'],
  ['a head without its blank line', 'GET / HTTP/1.1\r\nA: b\r\n', 'more'],
  ['a line without its end', 'GET / HTTP/1.1', 'more'],
  ['a line without its LF', 'GET / HTTP/1.1\r', 'more'],
  ['CR and a byte behind the version', 'GET / HTTP/1.1\rx', REQUEST],
  ['CR and a byte behind a target', 'GET /\rx', REQUEST],
  ['CR and a space behind a target', 'GET /\r HTTP/1.1\r\n', REQUEST],
  ['two CRs behind the version', 'GET / HTTP/1.1\r\r\n', REQUEST],
  ['two CRs behind a target', 'GET /\r\r\n', REQUEST],
  ['a host that ends with CR', 'GET http://a\r\n', REQUEST],
  ['rubbish is refused before its line ends', 'GET / HTTX', REQUEST],
  ['an unknown version is refused before its line ends', 'GET / HTTP/2', VERSION],
];

/** [fact, fields, what is read]: refused before the head is complete. */
const AT_ONCE: readonly (readonly [string, string, string])[] = [
  ['a space in a name', 'A: b\r\nC d', badLine('C', '20')],
  ['a name that begins with a colon', ':', badLine('', '3a')],
  ['a NUL in a value', 'A: b\0', badLine('A: b', '00')],
  ['a byte behind the CR of a value', 'A: b\r\r\rc', badLine('A: b', '0d')],
  ['a byte behind the CR of a name', 'A\rb', badLine('A', '0d')],
  ['a byte behind the CR of the blank line', 'A: b\r\n\rc', badLine('', '0d')],
  [
    'a second Host',
    'Host: a\r\nhost: b\r\n',
    '400 client sent duplicate host header: "host: b", previous value: "Host: a"',
  ],
  ...[
    ['If-Modified-Since', 'If-Unmodified-Since', 'If-Match', 'If-None-Match', 'If-Range', 'Content-Length'],
    ['Content-Range', 'Transfer-Encoding', 'Expect', 'Authorization', 'Proxy-Authorization'],
  ]
    .flat()
    .map(
      (name) =>
        [
          `a second ${name}`,
          `${name}: a\r\nX: y\r\n${name}: b\r\n`,
          `400 client sent duplicate header line: "${name}: b", previous value: "${name}: a"`,
        ] as const,
    ),
];

export const REQUEST_HEADS: readonly RequestCase[] = [
  ...LINES.flatMap(([fact, line, expected]) =>
    ['\r\n', '\n'].map((end) => {
      const old = expected.includes(' 0.9');
      return {
        fact: `${fact}${end === '\n' ? ', LF' : ''}`,
        wire: `${line}${end}${old ? '' : end}`,
        expected,
      };
    }),
  ),
  ...FIELDS.map(([fact, fields, expected, limits]) => ({
    fact,
    wire: `GET / HTTP/1.1\r\n${fields}\r\n`,
    expected: /^\d/.test(expected) ? expected : `GET / 1.1${expected}`,
    ...(limits === undefined ? {} : { limits }),
  })),
  ...SIZES.map(([fact, wire, expected]) => ({ fact, wire, expected, limits: LONG })),
  {
    fact: 'no buffer for the first field',
    wire: `GET /${'a'.repeat(16)} HTTP/1.1\r\nA: b\r\n\r\n`,
    expected: '494 client sent too large request',
    limits: { first: 20, size: 32, number: 1 },
  },
  ...AT_ONCE.map(([fact, fields, expected]) => ({ fact, wire: `GET / HTTP/1.1\r\n${fields}`, expected })),
  ...WHOLE.map(([fact, wire, expected]) => ({ fact, wire, expected })),
];
