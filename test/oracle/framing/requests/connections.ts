import type { RequestGroup } from '../request-outcome.js';
import { get, head, post, raw, SMUGGLED, show } from './write.js';

/** Hosts that two recipients could understand differently. */
const HOSTS: readonly string[] = [
  ...[
    'second',
    'SECOND',
    'second.',
    'second..',
    '.second',
    'second:80',
    'second:',
    'second:x',
    'second:99999',
    'second:80:80',
    ':80',
    '',
  ],
  ...[
    ' ',
    'a b',
    'first second',
    'first,second',
    'first, second',
    'first;second',
    'first@second',
    'u:p@second',
    'first/second',
    'first\\second',
  ],
  ...[
    'first#second',
    'first?second',
    'first%2esecond',
    'sec%6fnd',
    '[::1]',
    '[::1]:80',
    '[::1',
    '::1',
    '[]',
    '[second]',
    '127.0.0.1',
    '0x7f.1',
  ],
  ...[
    '\xfcber',
    'sec\0ond',
    'sec\x01ond',
    'sec\tond',
    '\tsecond',
    'second\t',
    'sec_ond',
    '-second',
    '*',
    '*.second',
    '(second)',
    '<second>',
  ],
  ...[
    '"second"',
    "sec'ond",
    'sec$ond',
    'sec{ond',
    'sec|ond',
    'sec^ond',
    'sec`ond',
    'sec~ond',
    'sec!ond',
    'a'.repeat(300),
    'http://second',
    'second\r',
  ],
];

export const hosts: RequestGroup = {
  name: 'hosts',
  cases: [
    ...HOSTS.map((host) => raw(`"${show(host)}"`, head('GET /case HTTP/1.1', `Host: ${host}`))),
    raw('none', head('GET /case HTTP/1.1', 'X: y')),
    raw('none in HTTP/1.0', head('GET /case HTTP/1.0', 'X: y')),
    raw('an empty one in HTTP/1.0', head('GET /case HTTP/1.0', 'Host:')),
    raw('two', head('GET /case HTTP/1.1', 'Host: first', 'Host: second')),
    raw('two that are the same', head('GET /case HTTP/1.1', 'Host: first', 'Host: first')),
    raw('two in HTTP/1.0', head('GET /case HTTP/1.0', 'Host: first', 'Host: second')),
    raw('two, apart and in other case', head('GET /case HTTP/1.1', 'Host: first', 'X: y', 'hOST: second')),
    raw('two, one with a space in front of the colon', head('GET /case HTTP/1.1', 'Host: first', 'Host : second')),
    raw('two, one folded', head('GET /case HTTP/1.1', 'Host: first', ' Host: second')),
    raw('two, one behind a bare LF', head('GET /case HTTP/1.1', 'Host: first\nHost: second')),
    raw('two, one behind a bare CR', head('GET /case HTTP/1.1', 'Host: first\rHost: second')),
    raw('two, one empty', head('GET /case HTTP/1.1', 'Host: first', 'Host:')),
    raw('one with a dropped name', head('GET /case HTTP/1.1', 'Host: first', 'Host_: second')),
    raw('another one in the request line', head('GET http://second/case HTTP/1.1', 'Host: first')),
    raw('another one in the request line, HTTP/1.0', head('GET http://second/case HTTP/1.0', 'Host: first')),
    raw('an invalid one beside one in the request line', head('GET http://second/case HTTP/1.1', 'Host: a/b')),
    raw('an invalid one in the request line', head('GET http://a..b/case HTTP/1.1', 'Host: first')),
    raw('an empty one beside one in the request line', head('GET http://second/case HTTP/1.1', 'Host:')),
    raw('two beside one in the request line', head('GET http://second/case HTTP/1.1', 'Host: first', 'Host: second')),
  ],
};

/** Requests about the connection, or about fields that are not passed on. */
const OPTIONS: readonly string[] = [
  ...[
    'close',
    'Close',
    'keep-alive',
    'Keep-Alive',
    'close, keep-alive',
    'keep-alive, close',
    'close,close',
    ' close ',
    'close\t',
    'close;',
  ],
  ...[
    'closed',
    'xclose',
    'x-close',
    'close, Content-Length',
    'Content-Length',
    'Transfer-Encoding',
    'Host',
    'X-Server',
    'close, Host',
    'Upgrade',
  ],
  ...[
    'close, Transfer-Encoding',
    'Cookie',
    'Authorization',
    'Connection',
    'TE',
    'Expect',
    '',
    ',',
    ', ,',
    '"close"',
    'x',
    'X-Forwarded-For',
  ],
];

export const connections: RequestGroup = {
  name: 'Connection',
  cases: [
    ...OPTIONS.map((value) =>
      post(`"${show(value)}" and a length`, [`Connection: ${value}`, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    ),
    ...['close, Transfer-Encoding', 'Transfer-Encoding', 'Content-Length', 'close'].map((value) =>
      post(`"${value}" and chunks`, [`Connection: ${value}`, 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    ),
    ...OPTIONS.slice(0, 10).map((value) =>
      raw(`"${show(value)}" in HTTP/1.0`, head('GET /case HTTP/1.0', 'Host: first', `Connection: ${value}`)),
    ),
    get('two fields, close first', 'Connection: close', 'Connection: keep-alive'),
    get('two fields, close last', 'Connection: keep-alive', 'Connection: close'),
    get('a field that is named', 'Connection: X-Hop', 'X-Hop: y'),
    get('Keep-Alive alone', 'Keep-Alive: timeout=100'),
    get('Proxy-Connection: close', 'Proxy-Connection: close'),
    raw(
      'Proxy-Connection: keep-alive in HTTP/1.0',
      head('GET /case HTTP/1.0', 'Host: first', 'Proxy-Connection: keep-alive'),
    ),
  ],
};

const EXPECTATIONS: readonly string[] = [
  '100-continue',
  '100-Continue',
  '100-continue, x',
  'x',
  '',
  '200-ok',
  '100-continue;x',
  ' 100-continue',
];

export const expectations: RequestGroup = {
  name: 'Expect',
  cases: [
    ...EXPECTATIONS.map((value) => post(`"${value}"`, [`Expect: ${value}`, 'Content-Length: 5'], 'hello')),
    get('without a body', 'Expect: 100-continue'),
    get('with a length of zero', 'Expect: 100-continue', 'Content-Length: 0'),
    post(
      'and a request in the place of the body',
      ['Expect: 100-continue', `Content-Length: ${SMUGGLED.length}`],
      SMUGGLED,
    ),
    post('with chunks', ['Expect: 100-continue', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    post('twice', ['Expect: 100-continue', 'Expect: 100-continue', 'Content-Length: 5'], 'hello'),
    raw('in HTTP/1.0', `${head('POST /case HTTP/1.0', 'Expect: 100-continue', 'Content-Length: 5')}hello`),
  ],
};

const WEBSOCKET = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: x'];
const H2C = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'];

export const upgrades: RequestGroup = {
  name: 'upgrades',
  cases: [
    get('websocket where upgrades are not passed on', ...WEBSOCKET),
    get('h2c where upgrades are not passed on', ...H2C),
    get('h2c and a request behind it', ...H2C),
    raw(
      'a request behind an upgrade that is refused',
      head('GET /case HTTP/1.1', 'Host: first', ...WEBSOCKET) + SMUGGLED,
    ),
    raw('Upgrade without Connection', head('GET /switch HTTP/1.1', 'Host: first', 'Upgrade: raw')),
    raw('Connection without Upgrade', head('GET /switch HTTP/1.1', 'Host: first', 'Connection: Upgrade')),
    raw('an upgrade', head('GET /switch HTTP/1.1', 'Host: first', 'Connection: Upgrade', 'Upgrade: raw')),
    raw(
      'an upgrade, and bytes at once',
      `${head('GET /switch HTTP/1.1', 'Host: first', 'Connection: Upgrade', 'Upgrade: raw')}hello`,
    ),
    raw(
      'an upgrade, and a request at once',
      head('GET /switch HTTP/1.1', 'Host: first', 'Connection: Upgrade', 'Upgrade: raw') + SMUGGLED,
    ),
    raw(
      'an upgrade with a body',
      `${head('POST /switch HTTP/1.1', 'Host: first', 'Connection: Upgrade', 'Upgrade: raw', 'Content-Length: 5')}hello`,
    ),
    raw(
      'an upgrade with chunks',
      `${head('POST /switch HTTP/1.1', 'Host: first', 'Connection: Upgrade', 'Upgrade: raw', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
    ),
    raw('an upgrade in HTTP/1.0', head('GET /switch HTTP/1.0', 'Host: first', 'Connection: Upgrade', 'Upgrade: raw')),
    raw('an upgrade by HEAD', head('HEAD /switch HTTP/1.1', 'Host: first', 'Connection: Upgrade', 'Upgrade: raw')),
    raw('an empty Upgrade', head('GET /switch HTTP/1.1', 'Host: first', 'Connection: Upgrade', 'Upgrade:')),
    raw(
      'two Upgrade fields',
      head('GET /switch HTTP/1.1', 'Host: first', 'Connection: Upgrade', 'Upgrade: raw', 'Upgrade: h2c'),
    ),
  ],
};

/** Several requests in one go. */
const A = head('GET /a HTTP/1.1', 'Host: first');
const B = head('GET /b HTTP/1.1', 'Host: second');
const BODY = `${head('POST /body HTTP/1.1', 'Host: first', 'Content-Length: 5')}hello`;
const CHUNKS = `${head('POST /chunks HTTP/1.1', 'Host: first', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`;

export const pipelines: RequestGroup = {
  name: 'pipelines',
  cases: [
    raw('two requests', A + B),
    raw('ten requests', A.repeat(10)),
    raw('requests with bodies', BODY + CHUNKS + BODY + A + CHUNKS + B),
    raw('HEAD in between', `${A}${head('HEAD /head HTTP/1.1', 'Host: first')}${B}`),
    raw('HTTP/1.0 in between', `${A}${head('GET /old HTTP/1.0', 'Host: first')}${B}`),
    raw(
      'HTTP/1.0 that is kept in between',
      `${A}${head('GET /old HTTP/1.0', 'Host: first', 'Connection: keep-alive')}${B}`,
    ),
    raw('HTTP/0.9 in between', `${A}GET /nine\r\n${B}`),
    raw('Connection: close in between', `${A}${head('GET /last HTTP/1.1', 'Host: first', 'Connection: close')}${B}`),
    raw('one that is refused in between', `${A}${head('GET /bad HTTP/1.1', 'Host: a/b')}${B}`),
    raw('a broken line in between', `${A}garbage\r\n\r\n${B}`),
    raw(
      'a broken body in between',
      `${A}${head('POST /bad HTTP/1.1', 'Host: first', 'Transfer-Encoding: chunked')}x\r\n${B}`,
    ),
    raw(
      'an unknown coding in between',
      `${A}${head('POST /bad HTTP/1.1', 'Host: first', 'Transfer-Encoding: cow')}${B}`,
    ),
    raw(
      'both lengths in between',
      `${A}${head('POST /bad HTTP/1.1', 'Host: first', 'Content-Length: 0', 'Transfer-Encoding: chunked')}0\r\n\r\n${B}`,
    ),
    raw('TRACE in between', `${A}${head('TRACE /trace HTTP/1.1', 'Host: first')}${B}`),
    raw('a version that is unknown in between', `${A}${head('GET /two HTTP/2.0', 'Host: first')}${B}`),
    raw('a body that is cut short', `${A}${head('POST /cut HTTP/1.1', 'Host: first', 'Content-Length: 500')}hello`),
    raw('a head that is cut short', `${A}GET /cut HTTP/1.1\r\nHo`),
    raw('a request line that is cut short', `${A}GET /cu`),
    raw('the same head again with another body', BODY + BODY.replace('hello', 'world')),
    raw('heads that begin alike', A + A.replace('\r\n\r\n', '\r\nX: y\r\n\r\n') + A),
    raw(
      'a body that looks like a head',
      `${head('POST /body HTTP/1.1', 'Host: first', `Content-Length: ${A.length}`)}${A}${B}`,
    ),
    raw('empty lines in between', `${A}\r\n\r\n${B}\n\n${A}`),
    raw(
      'a request behind one that expects 100',
      `${head('POST /expects HTTP/1.1', 'Host: first', 'Expect: 100-continue', 'Content-Length: 5')}hello${B}`,
    ),
  ],
};
