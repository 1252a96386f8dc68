/** Requests that every kind of site gets. */
import type { SiteRequest } from './site.js';

/** Requests of one host, or below a path of it. */
export interface Target {
  readonly host: string;
  readonly scheme?: 'http' | 'https';
  /** Without a slash at its end. */
  readonly path?: string;
}

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const UPGRADE = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Key: ${KEY}`, 'Sec-WebSocket-Version: 13'];

export function request(
  { host, scheme = 'https', path = '' }: Target,
  line: string,
  fields: readonly string[] = [],
  body?: string,
): SiteRequest {
  return { host, scheme, line: line.replace(' /', ` ${path}/`), fields, ...(body !== undefined && { body }) };
}

export function webSocket(target: Target, path: string, fields: readonly string[] = []): SiteRequest {
  return {
    ...request(target, `GET ${path}`, [...UPGRADE, 'Origin: https://app.example.com', ...fields]),
    webSocket: true,
  };
}

/** An upgrade whose answer is compared only: where the site does not forward it. */
export function upgradeOnly(target: Target, path: string): SiteRequest {
  return request(target, `GET ${path}`, UPGRADE);
}

/** Replies of an application behind the proxy, by name. */
export function replies(target: Target, names: readonly string[], path = '/app'): SiteRequest[] {
  return names.map((name) => request(target, `GET ${path}?reply=${name}`));
}

const REPLIES = [
  'missing',
  'broken',
  'refused',
  'cookies',
  'policies',
  'redirect',
  'relative',
  'unchanged',
  'empty',
  'chunks',
  'close',
  'large',
  'reset',
];

/** Requests of an application that is proxied as a whole. */
export function application(target: Target): SiteRequest[] {
  return [
    request(target, 'GET /'),
    request(target, 'GET /page%20one/a%2Fb?x=%41&y=a+b'),
    request(target, 'HEAD /app?reply=styles'),
    request(target, 'POST /form', ['Content-Type: application/x-www-form-urlencoded'], 'a=1&b=2'),
    request(target, 'POST /chunks', ['Transfer-Encoding: chunked'], '4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n'),
    request(target, 'PUT /file', [], 'x'.repeat(100_000)),
    request(target, 'DELETE /file'),
    request(target, 'OPTIONS /app', ['Origin: https://other.example', 'Access-Control-Request-Method: PUT']),
    request(target, 'PROPFIND /dav', ['Depth: 1'], '<propfind/>'),
    request(target, 'GET /video?reply=range', ['Range: bytes=0-99', 'If-Range: "v1"']),
    request(target, 'GET /app?reply=styles', [
      'If-None-Match: "abc"',
      'If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT',
    ]),
    request(target, 'GET /app?reply=styles', ['Accept-Encoding: gzip, br']),
    request(target, 'GET /app?reply=json', ['Accept-Encoding: gzip', 'Cookie: session=1']),
    request(target, 'GET /app', [`Cookie: ${'a=b; '.repeat(700)}z=1`]),
    request(target, 'GET /app', [`X-Long: ${'x'.repeat(40_000)}`]),
    request(target, 'GET /app', [
      'X-Forwarded-For: 192.0.2.1',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: other.example',
      'X-Real-IP: 192.0.2.1',
      'Forwarded: for=192.0.2.1',
    ]),
    request(target, 'GET /app', [
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'TE: trailers',
      'Proxy: http://attacker.example',
    ]),
    request(target, 'GET /app', [
      'Authorization: Basic YW5uOnNlY3JldA==',
      'Referer: https://elsewhere.example/',
      'User-Agent: Web0S/1',
    ]),
    request(target, 'GET /app HTTP/1.0'),
    request(target, 'GET /../etc/passwd'),
    ...replies(target, REPLIES),
  ];
}

/** Requests that never reach a site. */
export function strangers(hosts: readonly string[]): SiteRequest[] {
  return [
    { scheme: 'http', host: 'unknown.example', line: 'GET /path?q=1' },
    { scheme: 'https', host: 'unknown.example', line: 'GET /path?q=1' },
    ...hosts.flatMap((host): SiteRequest[] => [
      { scheme: 'http', host, line: 'GET /path%20x?q=1' },
      { scheme: 'http', host, line: 'POST /path', body: 'a=1' },
      { scheme: 'http', host, line: 'GET /.well-known/acme-challenge/token' },
      { scheme: 'http', host, line: 'GET /.well-known/acme-challenge/none' },
    ]),
  ];
}
