import type { RequestGroup } from '../request-outcome.js';
import { chunked, SMUGGLED, show } from './write.js';

/** Lines that some recipients take for the size 5, followed by five bytes and the last chunk. */
const SIZES: readonly string[] = [
  '\xe0\xa5\xab',
  ...['5', '05', '00000005', '0000000000000000000000005', '5 ', '5\t', ' 5', '\t5', '5  ', '+5', '-5', '0x5', '0X5'],
  ...['5h', '5g', '5\x0b', '5\x0c', '5\xa0', '5\0', '\x005', '5_', '5_0', '5.0', '5e', '5,', '5:', '5=', '"5"'],
  ...['', ' ', 'x', 'g', '-', '-0', '5-', '5 5', '5\r', '\r5', '5\r\r', '10000000000000005', '100000000000000005'],
  ...['ffffffffffffffff', 'fffffffffffffffb', '8000000000000005', '7fffffffffffffff', '80000005', '100000005', '5;5'],
];

export const chunkSizes: RequestGroup = {
  name: 'sizes of chunks',
  cases: [
    ...SIZES.map((size) => chunked(`size "${show(size)}"`, `${size}\r\nhello\r\n0\r\n\r\n`)),
    chunked('size of more digits than anything has', `${'0'.repeat(200)}5\r\nhello\r\n0\r\n\r\n`),
    chunked('capital letters', 'A\r\n0123456789\r\n0\r\n\r\n'),
    chunked('many chunks', `${'1\r\nx\r\n'.repeat(50)}0\r\n\r\n`),
    chunked('size that is too small', '4\r\nhello\r\n0\r\n\r\n'),
    chunked('size that is too large', '6\r\nhello\r\n0\r\n\r\n'),
    chunked('last size of several zeros', '5\r\nhello\r\n00000\r\n\r\n'),
    chunked('last size with a letter', '5\r\nhello\r\n0x\r\n\r\n'),
    chunked('last size with a sign', '5\r\nhello\r\n-0\r\n\r\n'),
    chunked('size alone', '5'),
    chunked('end within the data', '5\r\nhel'),
    chunked('no last chunk', '5\r\nhello\r\n'),
    chunked('no line behind the last chunk', '5\r\nhello\r\n0\r\n'),
    chunked('no line behind the last chunk, and a request', `5\r\nhello\r\n0\r\n${SMUGGLED}`),
  ],
};

/** Texts behind the size of a chunk. */
const EXTENSIONS: readonly string[] = [
  ...[';', ';a', ';a=b', ';a="b"', ';a="b;c"', ';a="\\""', ';a="', ' ;a', ' ; a = b', '\t;a', ';;;', ';a=b;c=d', ';\t'],
  ...[
    ';a\0b',
    ';a\x01',
    ';a\x7f',
    ';a\xff',
    ';a\rb',
    ';a\nb',
    ';\n',
    ';a="\n"',
    ';a="\r\n"',
    ';a="\r',
    '\n',
    '\r',
    ' \n',
  ],
  ...[
    '\t\n',
    ';a=\n5',
    '; 5',
    ' 5',
    ' a',
    '\ta',
    ';\r',
    `;${'a'.repeat(500)}`,
    `;${'a'.repeat(5000)}`,
    `;a="${'b'.repeat(300)}"`,
  ],
  ...[`;\n${SMUGGLED.length.toString(16)}`, ';a=b\r', '\x0b;a', '#', '%', '(', ',a', '=a'],
];

export const chunkExtensions: RequestGroup = {
  name: 'extensions of chunks',
  cases: [
    ...EXTENSIONS.map((extension) => chunked(`"${show(extension)}"`, `5${extension}\r\nhello\r\n0\r\n\r\n`)),
    ...[';a', ';\n', ' ', '\t', ';a\rb', '\n', ';"\r\n"'].map((extension) =>
      chunked(`"${show(extension)}" behind the last size`, `5\r\nhello\r\n0${extension}\r\n\r\n`),
    ),
    chunked('a request in an extension', `5;${SMUGGLED}\r\nhello\r\n0\r\n\r\n`),
    chunked(
      'a size in an extension behind LF',
      `2;\nxx\r\n${SMUGGLED.length.toString(16)}\r\nab\r\n0\r\n\r\n${SMUGGLED}`,
    ),
  ],
};

/** Line breaks of all kinds in all places of a chunked body. */
const BREAKS: readonly (readonly [name: string, body: string])[] = [
  ['LF behind a size', '5\nhello\r\n0\r\n\r\n'],
  ['LF behind the data', '5\r\nhello\n0\r\n\r\n'],
  ['LF behind the last size', '5\r\nhello\r\n0\n\r\n'],
  ['LF for the last line', '5\r\nhello\r\n0\r\n\n'],
  ['LF everywhere', '5\nhello\n0\n\n'],
  ['CR behind a size', '5\rhello\r\n0\r\n\r\n'],
  ['CR behind the data', '5\r\nhello\r0\r\n\r\n'],
  ['CR for the last line', '5\r\nhello\r\n0\r\n\r'],
  ['CR everywhere', '5\rhello\r0\r\r'],
  ['CR CR LF behind a size', '5\r\r\nhello\r\n0\r\n\r\n'],
  ['CR CR LF behind the data', '5\r\nhello\r\r\n0\r\n\r\n'],
  ['CR CR LF for the last line', '5\r\nhello\r\n0\r\n\r\r\n'],
  ['nothing behind the data', '5\r\nhello0\r\n\r\n'],
  ['two bytes that are no line break behind the data', '5\r\nhelloXX0\r\n\r\n'],
  ['a byte and LF behind the data', '5\r\nhelloX\n0\r\n\r\n'],
  ['an empty line in front of a size', '\r\n5\r\nhello\r\n0\r\n\r\n'],
  ['an empty line between chunks', '5\r\nhello\r\n\r\n0\r\n\r\n'],
  ['a space in front of the last size', '5\r\nhello\r\n 0\r\n\r\n'],
  ['a space for the last line', '5\r\nhello\r\n0\r\n \r\n'],
  ['VT for a line break', '5\x0b\nhello\r\n0\r\n\r\n'],
  ['FF for a line break', '5\r\nhello\x0c0\r\n\r\n'],
  ['NEL for a line break', '5\x85hello\r\n0\r\n\r\n'],
  ['CR and another byte behind a size', '5\rXhello\r\n0\r\n\r\n'],
  ['CR and another byte behind the data', '5\r\nhello\rX0\r\n\r\n'],
  ['CR and another byte behind the last size', '5\r\nhello\r\n0\rX\r\n'],
  ['CR and another byte for the last line', '5\r\nhello\r\n0\r\n\rX'],
  ['CR and another byte behind a trailer', '5\r\nhello\r\n0\r\nA: b\rXC: d\r\n\r\n'],
  ['NUL behind the data', '5\r\nhello\0\n0\r\n\r\n'],
];

export const chunkBreaks: RequestGroup = {
  name: 'line breaks of chunks',
  cases: [
    ...BREAKS.map(([name, body]) => chunked(name, body)),
    ...BREAKS.slice(0, 6).map(([name, body]) => chunked(`${name}, and a request`, body + SMUGGLED)),
  ],
};

/** Trailer sections. */
const TRAILERS: readonly string[] = [
  ...['A: b\r\n', 'A: b\r\nC: d\r\n', 'A:b\r\n', 'A: \r\n', 'A\r\n', 'A : b\r\n', ' A: b\r\n', '\tA: b\r\n', ': b\r\n'],
  ...[
    'A: b\r\n c\r\n',
    'A: b\n',
    '\nA: b\r\n',
    'A: b\rC: d\r\n',
    'A: b\0\r\n',
    'A\0: b\r\n',
    'A: b\r\r\n',
    'A: \x01\r\n',
  ],
  ...['Content-Length: 99\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: cow\r\n', 'Host: second\r\n'],
  ...[
    'Connection: close\r\n',
    'Connection: keep-alive\r\n',
    'Expect: 100-continue\r\n',
    'Upgrade: h2c\r\n',
    'Trailer: X\r\n',
  ],
  ...['X-Server: evil\r\n', 'X-Forwarded-For: 127.0.0.1\r\n', 'Authorization: Basic x\r\n', 'A_B: c\r\n', '"A": b\r\n'],
  ...[
    'GET /smuggled HTTP/1.1\r\nHost: second\r\n',
    'GET /smuggled HTTP/1.1\nHost: second\n\n',
    `A: ${'b'.repeat(5000)}\r\n`,
  ],
  ...['A: b\r\n'.repeat(300), '\x0b\r\n', '\xff: b\r\n'],
];

export const trailers: RequestGroup = {
  name: 'trailer sections',
  cases: [
    ...TRAILERS.map((lines) => chunked(`"${show(lines)}"`, `5\r\nhello\r\n0\r\n${lines}\r\n`)),
    chunked('twenty thousand bytes', `5\r\nhello\r\n0\r\nA: ${'b'.repeat(20_000)}\r\n\r\n`),
  ],
};
