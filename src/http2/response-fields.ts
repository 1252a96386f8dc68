/** Response heads as fields: `:status`, the proxy's own fields in nginx's order, then fields of the upstream and added ones. */
import type { HttpExchange } from '../exchange/exchange.js';
import { httpDateNow } from '../http/clock.js';
import { Field, fieldNumber, fieldSet } from '../http/field-names.js';
import type { FieldReceiver } from '../http/header-block.js';
import { software } from '../http/software.js';

/** Encoder of a header block. */
export interface BlockEncoder {
  begin(): void;
  /** `:status`. */
  status(status: number): void;
  field(name: string, value: string): void;
}

/** Fields of a connection, which HTTP/2 does not have (RFC 9113 8.2.2). */
const CONNECTION_FIELDS = fieldSet(
  Field.Connection,
  Field.KeepAlive,
  Field.ProxyConnection,
  Field.TransferEncoding,
  Field.Upgrade,
);

/** A field of the handshake of HTTP/1.1, which streams do not have (RFC 8441 5). */
const ACCEPT = 'sec-websocket-accept';

/** Passes fields on to an encoder, without those of a connection. */
class HeadFields implements FieldReceiver {
  encoder: BlockEncoder | null = null;
  field(name: string, value: string, number: number): void {
    if (CONNECTION_FIELDS[number] !== true && name !== ACCEPT) this.encoder?.field(name, value);
  }
}

/** Heads are encoded one at a time. */
const fields = new HeadFields();

/** Encodes the head of the response of an exchange. */
export function encodeHead(x: HttpExchange, encoder: BlockEncoder): void {
  const { response } = x;
  const { status, upstream, lastModified, etag, added, bindings } = response;
  encoder.begin();
  // RFC 8441 5.
  encoder.status(x.tunnelled && status === 101 ? 200 : status);
  if (response.ownServer) {
    const { serverTokens } = x.location.settings;
    if (serverTokens !== '') encoder.field('server', software(serverTokens));
  }
  if (response.ownDate) encoder.field('date', httpDateNow());
  if (response.contentType !== null) encoder.field('content-type', response.contentType);
  if (response.contentLength >= 0 && status !== 204 && status >= 200) {
    encoder.field('content-length', String(response.contentLength));
  }
  // As in nginx, fields of the upstream keep their positions among its other fields.
  if (lastModified !== null && (upstream === null || upstream.indexOf(Field.LastModified) < 0)) {
    encoder.field('last-modified', lastModified);
  }
  if (response.absoluteLocation !== null) encoder.field('location', response.absoluteLocation);
  if (response.varies) encoder.field('vary', 'Accept-Encoding');
  if (etag !== null && (upstream === null || upstream.indexOf(Field.ETag) < 0)) encoder.field('etag', etag);
  if (bindings !== null) for (const cookie of bindings) encoder.field('set-cookie', cookie);
  fields.encoder = encoder;
  upstream?.forward(response.hidden, response, fields);
  for (let i = 0; i < added.length; i += 2) addField(added[i] as string, added[i + 1] as string);
  fields.encoder = null;
}

/** Encodes pairs of names and values: trailers. */
export function encodeFields(pairs: readonly string[], encoder: BlockEncoder): void {
  encoder.begin();
  fields.encoder = encoder;
  for (let i = 0; i < pairs.length; i += 2) addField(pairs[i] as string, pairs[i + 1] as string);
  fields.encoder = null;
}

/** Encodes an interim response; `lines` are field lines terminated by CRLF. */
export function encodeInterim(status: number, lines: string, encoder: BlockEncoder): void {
  encoder.begin();
  encoder.status(status);
  fields.encoder = encoder;
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) addField(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  fields.encoder = null;
}

function addField(name: string, value: string): void {
  const lower = name.toLowerCase();
  fields.field(lower, value, fieldNumber(lower, 0, lower.length));
}

/** The head as field lines, for the traffic tap. */
export function headText(x: HttpExchange): string {
  const text = new FieldLines();
  encodeHead(x, text);
  return `HTTP/2.0 ${x.response.status}\r\n${text.lines}\r\n`;
}

/** Writes fields as lines. */
class FieldLines implements BlockEncoder {
  lines = '';
  begin(): void {}
  status(): void {}
  field(name: string, value: string): void {
    this.lines += `${name}: ${value}\r\n`;
  }
}
