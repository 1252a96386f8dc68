/** The text of an answer's head: status line, the proxy's own fields in nginx's order, then the upstream's and the added ones. */
import { dateLine } from '../exchange/clock.js';
import type { Exchange } from '../exchange/exchange.js';
import { software } from '../exchange/software.js';
import { statusText } from '../exchange/status-text.js';

/** How the body that follows is framed. */
export enum Framing {
  /** `Content-Length` says it, or there is no body. */
  Length = 0,
  Chunked = 1,
  /** The body ends with the connection. */
  Close = 2,
}

/** Decides the framing of an answer's body (RFC 9112 6.3). `ended`: no body follows. */
export function answerFraming(x: Exchange, ended: boolean): Framing {
  const { response } = x;
  const bodiless = response.status < 200 || response.status === 204 || response.status === 304;
  if (bodiless || x.method === 'HEAD' || (ended && !x.headOnly)) return Framing.Length;
  if (response.contentLength >= 0 && !response.expectTrailers) return Framing.Length;
  return x.version >= 11 && x.location.settings.chunkedTransferEncoding ? Framing.Chunked : Framing.Close;
}

/** The request, its framing and the limits of its location let the connection go on; `age` in ms. */
export function mayKeep(x: Exchange, framing: Framing, requests: number, age: number): boolean {
  const { settings } = x.location;
  return (
    x.keepAlive &&
    framing !== Framing.Close &&
    settings.keepaliveTimeout > 0 &&
    requests < settings.keepaliveRequests &&
    age < settings.keepaliveTime
  );
}

/** The head with its blank line. `keep`: the connection stays open after it. */
export function answerHead(x: Exchange, framing: Framing, keep: boolean): string {
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
  if (response.lastModified !== null) head += `Last-Modified: ${response.lastModified}\r\n`;
  if (response.absoluteLocation !== null) head += `Location: ${response.absoluteLocation}\r\n`;
  if (framing === Framing.Chunked) head += 'Transfer-Encoding: chunked\r\n';
  if (status === 101) head += 'Connection: upgrade\r\n';
  else if (keep) {
    head += 'Connection: keep-alive\r\n';
    if (settings.keepaliveHeader > 0) head += `Keep-Alive: timeout=${settings.keepaliveHeader}\r\n`;
  } else head += 'Connection: close\r\n';
  if (response.etag !== null) head += `ETag: ${response.etag}\r\n`;
  if (response.upstream !== null) head += response.upstream.lines(response.hidden);
  const { added } = response;
  for (let i = 0; i < added.length; i += 2) head += `${added[i]}: ${added[i + 1]}\r\n`;
  return `${head}\r\n`;
}

interface Line {
  readonly reason: string | null;
  readonly text: string;
}

const lines = new Map<string, Line[]>();

/**
 * Status line and Server field (none for empty `tokens`). They are made once for each status, and again where an
 * upstream gives another reason phrase.
 */
function statusLine(status: number, reason: string | null, tokens: string): string {
  let known = lines.get(tokens);
  if (known === undefined) lines.set(tokens, (known = []));
  const line = known[status];
  if (line !== undefined && line.reason === reason) return line.text;
  const server = tokens === '' ? '' : `Server: ${software(tokens)}\r\n`;
  const text = `HTTP/1.1 ${reason === null ? statusText(status) : `${status} ${reason}`}\r\n${server}`;
  known[status] = { reason, text };
  return text;
}
