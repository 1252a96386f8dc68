/**
 * Response head: status line, the proxy's own fields in nginx's order, then fields of the upstream and added fields.
 */

import type { HttpExchange } from '../exchange/exchange.js';
import { dateLine } from '../http/clock.js';
import { Field } from '../http/field-names.js';
import { software } from '../http/software.js';
import { statusText } from '../http/status-text.js';

/** Framing of a response body. */
export enum Framing {
  /** By `Content-Length`, or there is no body. */
  Length = 0,
  Chunked = 1,
  /** The body ends when the connection is closed. */
  Close = 2,
}

/** Determines the framing of a response body (RFC 9112 6.3). `ended`: no body follows. */
export function chooseFraming(x: HttpExchange, ended: boolean): Framing {
  const { response } = x;
  const bodiless = response.status < 200 || response.status === 204 || response.status === 304;
  if (bodiless || x.method === 'HEAD' || (ended && !x.headOnly)) return Framing.Length;
  if (response.contentLength >= 0 && !response.expectTrailers) return Framing.Length;
  // A successful response to CONNECT has no framing (RFC 9110 9.3.6).
  if (x.method === 'CONNECT' && response.status < 300) return Framing.Close;
  return x.version >= 11 && x.location.settings.chunkedTransferEncoding ? Framing.Chunked : Framing.Close;
}

/** Whether the request, its framing and the limits of its location allow a persistent connection; `age` in ms. */
export function canKeepAlive(x: HttpExchange, framing: Framing, requests: number, age: number): boolean {
  const { settings } = x.location;
  return (
    x.keepAlive &&
    framing !== Framing.Close &&
    settings.keepaliveTimeout > 0 &&
    requests < settings.keepaliveRequests &&
    age < settings.keepaliveTime
  );
}

/** Returns the head including the empty line. `keep`: the connection is kept alive. */
export function formatHead(x: HttpExchange, framing: Framing, keep: boolean): string {
  const { response } = x;
  const { settings } = x.location;
  const { status } = response;
  let head = statusLine(status, response.reason, response.ownServer ? settings.serverTokens : '');
  if (response.ownDate) head += dateLine();
  if (response.contentType !== null) head += `Content-Type: ${response.contentType}\r\n`;
  if (
    framing !== Framing.Chunked &&
    response.contentLength >= 0 &&
    !response.expectTrailers &&
    status !== 204 &&
    status >= 200
  ) {
    head += `Content-Length: ${response.contentLength}\r\n`;
  }
  const { upstream, lastModified, etag } = response;
  // As in nginx, fields of the upstream keep their positions among its other fields.
  if (lastModified !== null && (upstream === null || upstream.indexOf(Field.LastModified) < 0))
    head += `Last-Modified: ${lastModified}\r\n`;
  if (response.absoluteLocation !== null) head += `Location: ${response.absoluteLocation}\r\n`;
  if (framing === Framing.Chunked) head += 'Transfer-Encoding: chunked\r\n';
  if (status === 101) head += 'Connection: upgrade\r\n';
  else if (keep) {
    head += 'Connection: keep-alive\r\n';
    if (settings.keepaliveHeader > 0) head += `Keep-Alive: timeout=${settings.keepaliveHeader}\r\n`;
  } else head += 'Connection: close\r\n';
  if (response.varies) head += 'Vary: Accept-Encoding\r\n';
  if (etag !== null && (upstream === null || upstream.indexOf(Field.ETag) < 0)) head += `ETag: ${etag}\r\n`;
  const { added, bindings } = response;
  if (bindings !== null) for (let i = 0; i < bindings.length; i++) head += `Set-Cookie: ${bindings[i]}\r\n`;
  if (upstream !== null) head += upstream.lines(response.hidden, response);
  for (let i = 0; i < added.length; i += 2) head += `${added[i]}: ${added[i + 1]}\r\n`;
  return `${head}\r\n`;
}

interface Line {
  readonly reason: string | null;
  readonly text: string;
}

const lines = new Map<string, Line[]>();

/**
 * Status line and Server field (omitted if `tokens` is empty). Cached per status; replaced if an upstream uses a
 * different reason phrase.
 */
function statusLine(status: number, reason: string | null, tokens: string): string {
  let cached = lines.get(tokens);
  if (cached === undefined) lines.set(tokens, (cached = []));
  const line = cached[status];
  if (line !== undefined && line.reason === reason) return line.text;
  const server = tokens === '' ? '' : `Server: ${software(tokens)}\r\n`;
  const text = `HTTP/1.1 ${reason === null ? statusText(status) : `${status} ${reason}`}\r\n${server}`;
  cached[status] = { reason, text };
  return text;
}
