/** A request as a person writes it down, and the bytes that a client would send for it. */
import { CannotExplain } from './refusal.js';

/** What is asked. All strings are bytes. */
export interface RequestInput {
  /** `GET /path`, `GET http://host/path`, `/path`, `wss://host/path`; a version of HTTP may follow. */
  readonly line: string;
  /** Field lines: `Name: value`. */
  readonly fields: readonly string[];
  /** The `Host` field, instead of the one that the line gives. */
  readonly host?: string;
  /** The client's address, and its port: `192.0.2.1`, `[::1]:5000`. */
  readonly from?: string;
  /** The address that the client connects to: `127.0.0.1:80`, `8080`, `unix:/path`. */
  readonly listen?: string;
  /** The body, or how many bytes it has. */
  readonly body?: string | number;
  /** What the upstream answers. */
  readonly answer?: SampleAnswer;
}

/** What an upstream is assumed to answer. */
export interface SampleAnswer {
  /** Default: 101 for an upgrade, otherwise 200. */
  readonly status?: number;
  /** Field lines, instead of those of the same names that are assumed. */
  readonly fields: readonly string[];
}

/** A request that makes sense. */
export interface PlainRequest {
  readonly line: string;
  /** With its blank line. */
  readonly head: string;
  /** Null: that many zeros. */
  readonly body: string | null;
  readonly bodyLength: number;
  /** The port that the URL names; null where it names none. */
  readonly port: number | null;
  /** What the URL says about how the client comes: null for a path alone. */
  readonly scheme: 'http' | 'https' | 'ws' | 'wss' | null;
  /** The host of the URL, without port and brackets; empty where there is none. */
  readonly urlHost: string;
  readonly assumptions: readonly string[];
}

/** A longer body is not made up: the proxy would have to read all of it. */
const BODY_MAX = 256 << 20;

const HOW = 'expected: GET /path, GET http://host:port/path or GET wss://host/path';

/** Makes sense of it; throws CannotExplain. */
export function plainRequest(input: RequestInput): PlainRequest {
  const { method, target, version } = wordsOf(input.line);
  const url = urlOf(target, input.line);
  const assumptions: string[] = [];
  const given = input.fields.map((line) => fieldOf(line, 'header'));
  const own = new Set(given.map(([name]) => name.toLowerCase()));
  const lines: string[] = [];
  let host = input.host ?? url.authority;
  if (/[\r\n\0]/.test(host ?? '')) throw new CannotExplain('a host has no line breaks');
  if (host === null && !own.has('host') && version === '1.1') {
    host = 'localhost';
    assumptions.push('no host was given: it is localhost');
  }
  // A host that is given by itself goes before the one of the URL, and so does a field.
  if (host !== null && !(own.has('host') && input.host === undefined)) lines.push(`Host: ${host}`);
  if (url.scheme === 'ws' || url.scheme === 'wss') {
    const added = HANDSHAKE.filter(([name]) => !own.has(name.toLowerCase()));
    for (const [name, value] of added) lines.push(`${name}: ${value}`);
    if (added.length > 0) assumptions.push(`${url.scheme}: the client sends the fields of a WebSocket handshake`);
  }
  if (url.scheme === 'https' || url.scheme === 'wss') {
    assumptions.push(`${url.scheme}: TLS has been taken off in front of this proxy`);
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
  if (found === null) throw new CannotExplain(`"${line}" is no ${what}: it is written "Name: value"`);
  return [found[1] ?? '', found[2] ?? ''];
}

/** What a browser adds to open a WebSocket (RFC 6455 4.1); the key is that of the RFC's example. */
const HANDSHAKE = [
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ['Sec-WebSocket-Version', '13'],
] as const;

function lengthOf(body: string | number): number {
  if (typeof body === 'string') return body.length;
  if (!Number.isSafeInteger(body) || body < 0) throw new CannotExplain(`invalid body size ${body}`);
  if (body > BODY_MAX) throw new CannotExplain(`a body of ${body} bytes is more than is made up here (${BODY_MAX})`);
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
  if (first === undefined) return refuse(`it is empty; ${HOW}`);
  if (third !== undefined) refuse(`unexpected "${third}"; ${HOW}`);
  if (second === undefined) {
    if (!first.includes('/')) refuse(`no path or URL; ${HOW}`);
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
  readonly scheme: PlainRequest['scheme'];
}

function urlOf(text: string, line: string): Url {
  const hash = text.indexOf('#');
  const target = hash < 0 ? text : text.slice(0, hash);
  const refuse = (why: string): never => {
    throw new CannotExplain(`invalid request "${line}": ${why}`);
  };
  if (target.startsWith('/') || target === '*') return { target, authority: null, host: '', port: null, scheme: null };
  const found = /^([a-z][a-z0-9+.-]*):\/\/([^/?]*)(.*)$/is.exec(target);
  if (found === null) return refuse(`"${target}" is neither a path nor a URL; ${HOW}`);
  const scheme = (found[1] ?? '').toLowerCase();
  const authority = found[2] ?? '';
  const rest = found[3] ?? '';
  if (scheme !== 'http' && scheme !== 'https' && scheme !== 'ws' && scheme !== 'wss') {
    return refuse(`the scheme "${scheme}" is none of http, https, ws, wss`);
  }
  if (authority === '') refuse('the URL has no host');
  if (authority.includes('@')) refuse('a user name in a URL is not sent; give an Authorization header');
  const parts = /^(\[[^\]]*\]|[^:]*)(?::([0-9]*))?$/.exec(authority);
  if (parts === null) return refuse(`"${authority}" is no host with an optional port`);
  const port = parts[2] === undefined || parts[2] === '' ? null : Number(parts[2]);
  if (port !== null && (port < 1 || port > 65535)) refuse(`${port} is no port`);
  return {
    target: rest.startsWith('/') ? rest : `/${rest}`,
    authority,
    host: (parts[1] ?? '').replace(/^\[|\]$/g, ''),
    port,
    scheme,
  };
}
