/** Checks of a request head that only HTTP/1 needs, and the messages about heads that are refused or incomplete. */
import { LINE_AT_VERSION, LINE_BEGUN } from '../exchange/engine-exchange.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { Field } from '../http/field-names.js';
import { connectionOptions } from '../http/hop-by-hop.js';
import { logs } from '../logging/error-log.js';
import type { Refusal } from '../program/admission.js';
import { logError } from '../program/error-context.js';
import type { RequestReader } from './request-reader.js';

/** Copies the known parts of a request line that was refused or is incomplete. */
export function takePartialLine(x: HttpExchange, reader: RequestReader): void {
  x.requestLine = reader.partialLine;
  x.lineProgress = reader.atVersion ? LINE_AT_VERSION : LINE_BEGUN;
  x.version = reader.version;
  if (reader.method !== '') x.method = reader.method;
  x.uri = '';
}

/** Checks Host and framing of a complete head (RFC 9112 3.2 and 6), and applies its Connection field. */
export function checkFraming(x: HttpExchange, reader: RequestReader): Refusal | null {
  const { headers, version } = reader;
  if (version > 10 && headers.indexOf(Field.Host) < 0) {
    return { status: 400, reason: 'client sent HTTP/1.1 request without "Host" header' };
  }
  const framing = reader.readFraming();
  if (framing.status !== 0) return framing;
  x.keepAlive = connectionOptions(headers, version).keepAlive;
  return null;
}

/** Ends a refused exchange; bytes after its head cannot be trusted. */
export function refuseRequest(x: HttpExchange, refusal: Refusal, reader: RequestReader): void {
  const { status, reason } = refusal;
  if (reason === '') {
    x.response.status = status;
    x.abort();
    return;
  }
  logReading(x, reader, reason);
  x.contentLength = 0;
  x.keepAlive = false;
  x.finalize(status);
}

/** Logs an error while reading a head. */
export function logReading(x: HttpExchange, reader: RequestReader, message: string): void {
  const line = x.client.pipelined ? 'pipelined request line' : 'request line';
  logError(x, 'info', `${message} while reading client ${reader.inLine ? line : 'request headers'}`);
}

/** Logs a dropped field line (`ignore_invalid_headers`). */
export function logDropped(x: HttpExchange, reader: RequestReader, line: string): void {
  if (!logs(x.errorLog, 'info')) return;
  reader.expose();
  logReading(x, reader, `client sent invalid header line: "${line}"`);
}

/** Whether the client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1). */
export function expectsContinue(x: HttpExchange): boolean {
  return x.version > 10 && x.headers.valueOf(Field.Expect)?.toLowerCase() === '100-continue';
}
