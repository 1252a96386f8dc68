/** Parses a request description and builds the bytes that a client would send. */
import { CannotExplain } from './cannot-explain.js';

/** Description of a request. All strings are byte strings. */
export interface RequestInput {
  /**
   * `GET /path`, `GET http://host/path`, `/path`, `wss://host/path`, `CONNECT host:port`; an HTTP version may follow.
   */
  readonly line: string;
  /** Field lines: `Name: value`. */
  readonly fields: readonly string[];
  /** Value of the `Host` field; overrides the host of the request line. */
  readonly host?: string;
  /** The client's address, optionally with its port: `192.0.2.1`, `[::1]:5000`. */
  readonly from?: string;
  /** The address that the client connects to: `127.0.0.1:80`, `8080`, `unix:/path`. */
  readonly listen?: string;
  /** The body, or its length in bytes. */
  readonly body?: string | number;
  /** Response of the upstream server. */
  readonly answer?: SampleAnswer;
}

/** Assumed response of an upstream server. */
export interface SampleAnswer {
  /** Default: 101 for an upgrade, otherwise 200. */
  readonly status?: number;
  /** Field lines; they replace the assumed ones with the same names. */
  readonly fields: readonly string[];
}

/** A valid request. */
export interface ParsedRequest {
  readonly line: string;
  /** Including the blank line. */
  readonly head: string;
  /** Null: `bodyLength` zero bytes. */
  readonly body: string | null;
  readonly bodyLength: number;
  /** Port of the URL; null if it has none. */
  readonly port: number | null;
  /** Scheme of the URL; null for a path. */
  readonly scheme: 'http' | 'https' | 'ws' | 'wss' | null;
  /** Host of the URL, without port and brackets; empty if there is none. */
  readonly urlHost: string;
  readonly assumptions: readonly string[];
}

/** Maximum length of a generated body, because the proxy has to read all of it. */
const MAX_BODY = 256 << 20;

const EXPECTED = 'expected: GET /path, GET http://host:port/path or GET wss://host/path';

/** Parses and validates a request description; throws CannotExplain. */
export function parseRequest(input: RequestInput): ParsedRequest {
  const { method, target, version } = wordsOf(input.line);
  const url = method === 'CONNECT' ? authorityOf(target, input.line) : urlOf(target, input.line);
  const assumptions: string[] = [];
  const given = input.fields.map((line) => fieldOf(line, 'header'));
  const own = new Set(given.map(([name]) => name.toLowerCase()));
  const lines: string[] = [];
  let host = input.host ?? url.authority;
  if (/[\r\n\0]/.test(host ?? '')) throw new CannotExplain('a host must not contain line breaks');
  if (host === null && !own.has('host') && version === '1.1') {
    host = 'localhost';
    assumptions.push('no host was given; localhost is used');
  }
  // An explicit host or `Host` field takes precedence over the host of the URL.
  if (host !== null && !(own.has('host') && input.host === undefined)) lines.push(`Host: ${host}`);
  if (url.scheme === 'ws' || url.scheme === 'wss') {
    const added = HANDSHAKE.filter(([name]) => !own.has(name.toLowerCase()));
    for (const [name, value] of added) lines.push(`${name}: ${value}`);
    if (added.length > 0) assumptions.push(`${url.scheme}: the client sends the fields of a WebSocket handshake`);
  }
  lines.push(...given.map(([name, value]) => `${name}: ${value}`));
  const { body = '' } = input;
  const bodyLength = lengthOf(body);
  const framed = own.has('content-length') || own.has('transfer-encoding');
  if (bodyLength > 0 && !framed) lines.push(`Content-Length: ${bodyLength}`);
  const line = `${method} ${url.target} HTTP/${version}`;
  return {
    line,
    head: [line, ...lines, '', ''].join('\r\n'),
    body: typeof body === 'string' ? body : null,
    bodyLength,
    port: url.port,
    scheme: url.scheme,
    urlHost: url.host,
    assumptions,
  };
}

/** Name and value of a field line; throws CannotExplain. */
export function fieldOf(line: string, what: string): [name: string, value: string] {
  const found = /^([^\s:][^:\r\n]*):[ \t]*([^\r\n\0]*)$/.exec(line);
  if (found === null) throw new CannotExplain(`"${line}" is not a ${what}; expected "Name: value"`);
  return [found[1] ?? '', found[2] ?? ''];
}

/** Fields of a WebSocket handshake (RFC 6455 4.1); the key is that of the RFC's example. */
const HANDSHAKE = [
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ['Sec-WebSocket-Version', '13'],
] as const;

function lengthOf(body: string | number): number {
  if (typeof body === 'string') return body.length;
  if (!Number.isSafeInteger(body) || body < 0) throw new CannotExplain(`invalid body size ${body}`);
  if (body > MAX_BODY) throw new CannotExplain(`a body of ${body} bytes exceeds the limit of ${MAX_BODY}`);
  return body;
}

function wordsOf(line: string): { method: string; target: string; version: '1.0' | '1.1' } {
  const words = line.split(/[ \t]+/).filter((word) => word !== '');
  const refuse = (why: string): never => {
    throw new CannotExplain(`invalid request "${line}": ${why}`);
  };
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) refuse('it contains control characters');
  const last = words.at(-1) ?? '';
  let version: '1.0' | '1.1' = '1.1';
  if (words.length > 1 && last.startsWith('HTTP/')) {
    if (last !== 'HTTP/1.0' && last !== 'HTTP/1.1') refuse(`"${last}" is neither HTTP/1.0 nor HTTP/1.1`);
    version = last === 'HTTP/1.0' ? '1.0' : '1.1';
    words.pop();
  }
  const [first, second, third] = words;
  if (first === undefined) return refuse(`it is empty; ${EXPECTED}`);
  if (third !== undefined) refuse(`unexpected "${third}"; ${EXPECTED}`);
  if (second === undefined) {
    if (!first.includes('/')) refuse(`no path or URL; ${EXPECTED}`);
    return { method: 'GET', target: first, version };
  }
  if (!/^[A-Z][A-Z_-]*$/.test(first)) refuse(`"${first}" is not a method: methods are written in capital letters`);
  return { method: first, target: second, version };
}

interface Url {
  readonly target: string;
  readonly authority: string | null;
  readonly host: string;
  readonly port: number | null;
  readonly scheme: ParsedRequest['scheme'];
}

/** Target of CONNECT, in authority-form (RFC 9112 3.2.3). */
function authorityOf(target: string, line: string): Url {
  if (!/^(?:\[[^\]\s]*\]|[^:/?#@\s]+):[0-9]+$/.test(target)) {
    throw new CannotExplain(
      `invalid request "${line}": "${target}" is not a host with a port; expected: CONNECT host:443`,
    );
  }
  return { target, authority: target, host: '', port: null, scheme: null };
}

function urlOf(text: string, line: string): Url {
  const hash = text.indexOf('#');
  const target = hash < 0 ? text : text.slice(0, hash);
  const refuse = (why: string): never => {
    throw new CannotExplain(`invalid request "${line}": ${why}`);
  };
  if (target.startsWith('/') || target === '*') return { target, authority: null, host: '', port: null, scheme: null };
  const found = /^([a-z][a-z0-9+.-]*):\/\/([^/?]*)(.*)$/is.exec(target);
  if (found === null) return refuse(`"${target}" is neither a path nor a URL; ${EXPECTED}`);
  const scheme = (found[1] ?? '').toLowerCase();
  const authority = found[2] ?? '';
  const rest = found[3] ?? '';
  if (scheme !== 'http' && scheme !== 'https' && scheme !== 'ws' && scheme !== 'wss') {
    return refuse(`the scheme "${scheme}" is not one of http, https, ws, wss`);
  }
  if (authority === '') refuse('the URL has no host');
  if (authority.includes('@')) refuse('a user name in a URL is not sent; use an Authorization header');
  const parts = /^(\[[^\]]*\]|[^:]*)(?::([0-9]*))?$/.exec(authority);
  if (parts === null) return refuse(`"${authority}" is not a host with an optional port`);
  const port = parts[2] === undefined || parts[2] === '' ? null : Number(parts[2]);
  if (port !== null && (port < 1 || port > 65535)) refuse(`${port} is not a valid port`);
  return {
    target: rest.startsWith('/') ? rest : `/${rest}`,
    authority,
    host: (parts[1] ?? '').replace(/^\[|\]$/g, ''),
    port,
    scheme,
  };
}
