/** Short forms for the bytes of a client. */
import type { RequestCase } from '../request-outcome.js';

/** A request that must never be taken for one where it stands in a body. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: second\r\n\r\n';

/** A head of these lines. */
export const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

/** A GET request with further field lines. */
export const get = (name: string, ...fields: readonly string[]): RequestCase => ({
  name,
  send: head('GET /case HTTP/1.1', 'Host: first', ...fields),
});

/** A POST request with further field lines and a body. */
export const post = (name: string, fields: readonly string[], body: string): RequestCase => ({
  name,
  send: head('POST /case HTTP/1.1', 'Host: first', ...fields) + body,
});

/** A POST request with a chunked body, as it is on the wire. */
export const chunked = (name: string, body: string): RequestCase => post(name, ['Transfer-Encoding: chunked'], body);

/** Bytes as they are. */
export const raw = (name: string, send: string): RequestCase => ({ name, send });

/** A request with this request line. */
export const line = (requestLine: string, ...fields: readonly string[]): RequestCase =>
  raw(show(requestLine), head(requestLine, 'Host: first', ...fields));

/** A text as a name: control bytes as escapes, cut where it is long. */
export function show(text: string): string {
  const shown = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return shown.length > 90 ? `${shown.slice(0, 90)}… (${text.length} bytes)` : shown;
}
