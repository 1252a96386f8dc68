/** Converts the head of a request from the form of HTTP/1 to the fields of HTTP/2 (RFC 9113 8.3.1). */

import { KEY_FIELD, WEBSOCKET_PROTOCOL } from './extended-connect.js';

/** Receives the converted fields in the order in which they are sent; names are in lower case. */
export interface FieldSink {
  field(name: string, value: string): void;
}

/** Fields that are not sent: they describe a connection (RFC 9113 8.2.2), or are sent as pseudo-fields. */
const OMITTED: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Names in lower case, by the written ones; null: the field is omitted. Most requests have the same names. */
const names = new Map<string, string | null>();
const MAX_NAMES = 1000;

function convertName(written: string): string | null {
  let name = names.get(written);
  if (name === undefined) {
    const lower = written.toLowerCase();
    name = OMITTED.has(lower) ? null : lower;
    if (names.size >= MAX_NAMES) names.clear();
    names.set(written, name);
  }
  return name;
}

const LF = '\n';
const TRAILERS = /(?:^|[\s,])trailers(?:$|[\s,;])/i;

/**
 * Passes the fields of a head to `sink`. `head`: request line and field lines, each terminated by CRLF, with the empty
 * line. `secure`: the scheme is `https`. `handshake`: the request is the handshake of a WebSocket, which becomes an extended
 * CONNECT (RFC 8441 5).
 */
export function convertRequestHead(head: string, secure: boolean, sink: FieldSink, handshake = false): void {
  const eol = head.indexOf(LF);
  const methodEnd = head.indexOf(' ');
  sink.field(':method', handshake ? 'CONNECT' : head.slice(0, methodEnd));
  if (handshake) sink.field(':protocol', WEBSOCKET_PROTOCOL);
  sink.field(':scheme', secure ? 'https' : 'http');
  sink.field(':path', head.slice(methodEnd + 1, head.lastIndexOf(' ', eol)));
  const authority = hostOf(head, eol);
  if (authority !== '') sink.field(':authority', authority);
  for (let start = eol + 1; ; ) {
    const end = head.indexOf(LF, start);
    const colon = head.indexOf(':', start);
    if (colon < 0 || end < 0 || colon > end) return;
    const name = convertName(head.slice(start, colon));
    if (name !== null && !(handshake && name === KEY_FIELD)) {
      let from = colon + 1;
      let to = end - 1;
      while (from < to && isSpace(head.charCodeAt(from))) from++;
      while (to > from && isSpace(head.charCodeAt(to - 1))) to--;
      const value = head.slice(from, to);
      if (name !== 'te') sink.field(name, value);
      else if (TRAILERS.test(value)) sink.field('te', 'trailers');
    }
    start = end + 1;
  }
}

/** Value of `Host`, which is mostly the first field; empty if there is none. */
function hostOf(head: string, eol: number): string {
  const at = head.startsWith('Host:', eol + 1) ? eol + 1 : head.search(/\nhost:/i) + 1;
  if (at === 0) return '';
  return head.slice(at + 5, head.indexOf(LF, at)).trim();
}

function isSpace(c: number): boolean {
  return c === 32 || c === 9;
}
