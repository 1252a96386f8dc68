/** Requests of an attacker that try to have a response stored that other clients must not get. */

export interface Attack {
  readonly name: string;
  /** The rest of the request never arrives. */
  readonly isIncomplete: boolean;
  /** The bytes sent on a connection of their own, for a path that the victim requests afterwards. */
  bytes(path: string): string;
}

const HOST = 'Host: www.example.com';
/** The attacker sends what the victim sends, so that both are variants of one key. */
const SAME = 'User-Agent: victim';

function raw(name: string, lines: (path: string) => readonly string[], body = ''): Attack {
  return {
    name,
    isIncomplete: name.endsWith('cut short'),
    bytes: (path) => {
      const [first = '', ...others] = lines(path);
      const same = others.some((one) => one.startsWith('User-Agent')) ? [] : [SAME];
      return `${[first, ...same, ...others].join('\r\n')}\r\n\r\n${body}`;
    },
  };
}

/** A GET with additional fields. */
function fields(...added: readonly string[]): Attack {
  return raw(added.join(', ').slice(0, 80), (path) => [`GET ${path} HTTP/1.1`, HOST, 'Connection: close', ...added]);
}

/** A request with its own line, and additional fields. */
function line(text: string, ...added: readonly string[]): Attack {
  return raw(`${text} ${added.join(', ')}`.trim(), (path) => [
    text.replace('PATH', path),
    HOST,
    'Connection: close',
    ...added,
  ]);
}

const UNKEYED = [
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Server: evil.example',
  'X-Host: evil.example',
  'X-Original-Host: evil.example',
  'Forwarded: host=evil.example',
  'X-Forwarded-Proto: evil',
  'X-Forwarded-Scheme: evil',
  'X-Forwarded-Port: 1',
  'X-Forwarded-Prefix: /evil',
  'X-Original-URL: /admin',
  'X-Rewrite-URL: /admin',
  'X-HTTP-Method-Override: DELETE',
  'X-HTTP-Method: DELETE',
  'X-Method-Override: DELETE',
  'X_Forwarded_Host: evil.example',
  'X-Forwarded-Host : evil.example',
  'x-forwarded-host: evil.example',
].map((field) => fields(field));

/** The application answers with `Vary` to these. */
const VARIED = [
  'Accept-Encoding: gzip',
  'Accept-Encoding: br;q=1.0, gzip;q=0',
  'Accept-Language: xx',
  'Origin: https://evil.example',
  'User-Agent: evil',
].map((field) => fields(field));

/** The application marks the responses as private, or sets a cookie. */
const PRIVATE = ['Cookie: session=mallory', 'Cookie: theme=evil', 'Authorization: Bearer mallory', 'Cookie: new=1'].map(
  (field) => fields(field),
);

const ABSOLUTE = [
  line('GET http://www.example.comPATH HTTP/1.1'),
  line('GET http://evil.examplePATH HTTP/1.1'),
  line('GET https://www.example.comPATH HTTP/1.1'),
  line('GET http://www.example.com:81PATH HTTP/1.1'),
  line('GET http://www.example.com@evil.examplePATH HTTP/1.1'),
  line('GET //evil.examplePATH HTTP/1.1'),
  line('GET PATH#evil HTTP/1.1'),
  line('GET PATH? HTTP/1.1'),
  line('GET PATH%00 HTTP/1.1'),
  line('GET PATH/../evil HTTP/1.1'),
  line('GET /.PATH HTTP/1.1'),
  line('GET PATH\\evil HTTP/1.1'),
  line('GET PATH;evil HTTP/1.1'),
  line('GET PATH%20HTTP/1.1%0d%0aX:evil HTTP/1.1'),
  line('GET PATH?utm_content=evil HTTP/1.1'),
  raw('two Host fields', (path) => [`GET ${path} HTTP/1.1`, HOST, 'Host: evil.example', 'Connection: close']),
  raw('Host of another site', (path) => [`GET ${path} HTTP/1.1`, 'Host: evil.example', 'Connection: close']),
  raw('Host with a port', (path) => [`GET ${path} HTTP/1.1`, 'Host: www.example.com:81', 'Connection: close']),
  raw('Host in capitals with a dot', (path) => [`GET ${path} HTTP/1.1`, 'Host: WWW.EXAMPLE.COM.', 'Connection: close']),
  raw('Host with user information', (path) => [
    `GET ${path} HTTP/1.1`,
    'Host: www.example.com@evil',
    'Connection: close',
  ]),
  raw('a folded Host', (path) => [`GET ${path} HTTP/1.1`, HOST, ' evil.example', 'Connection: close']),
  raw('no Host, HTTP/1.0', (path) => [`GET ${path} HTTP/1.0`]),
  raw('no Host, HTTP/1.1', (path) => [`GET ${path} HTTP/1.1`, 'Connection: close']),
];

const RANGES = [
  'Range: bytes=0-0',
  'Range: bytes=0-3,5-6',
  'Range: bytes=-1',
  'Range: bytes=9999-',
  'Range: bytes=3-1',
  'Range: items=0-1',
  'Range: bytes=0-18446744073709551615',
].map((field) => fields(field));

const CONDITIONS = [
  fields('If-None-Match: "page"'),
  fields('If-None-Match: *'),
  fields('If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT'),
  fields('If-Match: "other"'),
  fields('If-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT'),
  fields('Range: bytes=0-0', 'If-Range: "page"'),
  fields('Range: bytes=0-0', 'If-Range: Fri, 01 Jan 2100 00:00:00 GMT'),
  fields('Cache-Control: no-store'),
  fields('Cache-Control: only-if-cached'),
  fields('Pragma: no-cache'),
  fields('Expect: 100-continue'),
  fields('Expect: evil'),
];

const FRAMING = [
  raw(
    'Content-Length and Transfer-Encoding',
    (path) => [`GET ${path} HTTP/1.1`, HOST, 'Content-Length: 4', 'Transfer-Encoding: chunked'],
    '0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n',
  ),
  raw(
    'Transfer-Encoding and Content-Length, POST',
    (path) => [`POST ${path} HTTP/1.1`, HOST, 'Transfer-Encoding: chunked', 'Content-Length: 50'],
    '0\r\n\r\nGET /evil HTTP/1.1\r\nX: ',
  ),
  ...[
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding : chunked',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: identity, chunked',
    'Transfer-Encoding:\x0bchunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: evil',
    ' Transfer-Encoding: chunked',
    'Transfer_Encoding: chunked',
    'X: 1\nTransfer-Encoding: chunked',
    'Content-Length: 6\r\nContent-Length: 0',
    'Content-Length: +6',
    'Content-Length: 0x6',
    'Content-Length: 6, 6',
    'Content-Length: -6',
  ].map((field) =>
    raw(
      `POST with ${JSON.stringify(field)}`,
      (path) => [`POST ${path} HTTP/1.1`, HOST, field],
      '0\r\n\r\nGET /evil HTTP/1.1\r\nHost: www.example.com\r\n\r\n',
    ),
  ),
  raw(
    'a GET in the body of a POST',
    (path) => [`POST ${path} HTTP/1.1`, HOST, 'Content-Length: 44', 'Connection: close'],
    'GET /evil HTTP/1.1\r\nHost: www.example.com\r\n\r\n',
  ),
  raw('a body that is cut short', (path) => [`POST ${path} HTTP/1.1`, HOST, 'Content-Length: 1000'], 'short'),
  raw(
    'a bad chunk size',
    (path) => [`POST ${path} HTTP/1.1`, HOST, 'Transfer-Encoding: chunked'],
    'zz\r\nGET /evil HTTP/1.1\r\n\r\n',
  ),
  raw(
    'a chunk extension with a line break',
    (path) => [`POST ${path} HTTP/1.1`, HOST, 'Transfer-Encoding: chunked'],
    '3;\nevil\r\nabc\r\n0\r\n\r\n',
  ),
  raw(
    'trailers',
    (path) => [`POST ${path} HTTP/1.1`, HOST, 'Transfer-Encoding: chunked', 'Connection: close'],
    '0\r\nX-Forwarded-Host: evil.example\r\n\r\n',
  ),
  raw('GET with a body', (path) => [`GET ${path} HTTP/1.1`, HOST, 'Content-Length: 6', 'Connection: close'], 'q=evil'),
  raw(
    'GET with a chunked body',
    (path) => [`GET ${path} HTTP/1.1`, HOST, 'Transfer-Encoding: chunked', 'Connection: close'],
    '6\r\nq=evil\r\n0\r\n\r\n',
  ),
  raw(
    'HEAD with a body',
    (path) => [`HEAD ${path} HTTP/1.1`, HOST, 'Content-Length: 6', 'Connection: close'],
    'q=evil',
  ),
  raw(
    'two requests at once',
    (path) => [`GET ${path} HTTP/1.1`, HOST],
    `GET /evil HTTP/1.1\r\n${HOST}\r\nConnection: close\r\n\r\n`,
  ),
  raw('a NUL in a field', (path) => [`GET ${path} HTTP/1.1`, HOST, 'X: a\0b', 'Connection: close']),
  raw('a CR in a field', (path) => [
    `GET ${path} HTTP/1.1`,
    HOST,
    'X: a\rX-Forwarded-Host: evil.example',
    'Connection: close',
  ]),
  raw('control characters in a field', (path) => [`GET ${path} HTTP/1.1`, HOST, 'X: \x01\x07', 'Connection: close']),
  raw('a very long field', (path) => [
    `GET ${path} HTTP/1.1`,
    HOST,
    `X-Long: ${'a'.repeat(6000)}`,
    'Connection: close',
  ]),
  raw('hop-by-hop fields of the attacker', (path) => [
    `GET ${path} HTTP/1.1`,
    HOST,
    'Connection: close, Host, X-Forwarded-For',
  ]),
  raw('HTTP/0.9', (path) => [`GET ${path}`]),
  raw('HTTP/1.2', (path) => [`GET ${path} HTTP/1.2`, HOST, 'Connection: close']),
  raw('HTTP/2.0', (path) => [`GET ${path} HTTP/2.0`, HOST, 'Connection: close']),
  raw('a tab in the request line', (path) => [`GET\t${path} HTTP/1.1`, HOST, 'Connection: close']),
  raw('two spaces in the request line', (path) => [`GET  ${path} HTTP/1.1`, HOST, 'Connection: close']),
];

const METHODS = [
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'PURGE',
  'get',
  'GeT',
  'GETT',
  'QUERY',
  'PROPFIND',
  'CONNECT',
].map((method) =>
  line(
    `${method} PATH HTTP/1.1`,
    ...(method === 'HEAD' || method.toLowerCase() === 'get' ? [] : ['Content-Length: 0']),
  ),
);

/** Fields by which the application can be made to answer badly; the value selects how. */
const BAD_RESPONSES = [
  'cut',
  'cut-chunks',
  'both-framings',
  'two-lengths',
  'no-length-reset',
  'error',
  'redirect-http',
  'set-cookie',
  'no-store',
  'part',
].map((kind) => fields(`X-Provoke: ${kind}`));

const UPGRADES = [
  fields(
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ),
  fields('Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
  fields('Accept: text/event-stream'),
];

export const ATTACKS: readonly Attack[] = [
  ...UNKEYED,
  ...VARIED,
  ...PRIVATE,
  ...ABSOLUTE,
  ...RANGES,
  ...CONDITIONS,
  ...FRAMING,
  ...METHODS,
  ...BAD_RESPONSES,
  ...UPGRADES,
];
