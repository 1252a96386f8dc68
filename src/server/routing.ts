/** Turns a request head into an exchange: path, server, and refusals before any phase runs. */
import { MatchFailed } from '../config/pcre/match-failed.js';
import { LINE_AT_VERSION, LINE_BEGUN } from '../exchange/engine-exchange.js';
import type { Exchange } from '../exchange/exchange.js';
import { Field } from '../http/field-names.js';
import { connectionOptions } from '../http/hop-by-hop.js';
import { validHost } from '../http/host.js';
import { normalizeTarget } from '../http/request-target.js';
import { type RequestReader, requestFraming } from '../http1/request-reader.js';
import { logs } from '../logging/error-log.js';
import { logError } from '../program/error-context.js';
import type { ListenerProgram, ServerProgram } from '../program/program.js';

/** Reason to refuse a request: a status, and nginx's message for the log. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

const refused = (status: number, reason: string): Refusal => ({ status, reason });

/** The server search failed: nginx closes the connection and logs 500. */
const SEARCH_FAILED: Refusal = { status: 500, reason: '' };

/** Copies the known parts of a request line that was refused or is incomplete. */
export function takePartialLine(x: Exchange, reader: RequestReader): void {
  x.requestLine = reader.partialLine;
  x.lineProgress = reader.atVersion ? LINE_AT_VERSION : LINE_BEGUN;
  x.version = reader.version;
  if (reader.method !== '') x.method = reader.method;
  x.uri = '';
}

/** Applies the request line, and selects the server if it contains a host; returns a refusal if it is invalid. */
export function routeLine(x: Exchange, reader: RequestReader, program: ListenerProgram): Refusal | null {
  x.version = reader.version;
  x.method = reader.method;
  x.requestLine = reader.requestLine;
  const { target, query } = reader;
  if (reader.complex) {
    const path = normalizeTarget(target, program.defaultServer.mergeSlashes);
    if (path === null) {
      // nginx logs no URI in this case.
      x.uri = '';
      return refused(400, 'client sent invalid request');
    }
    x.uri = path.path;
    x.args = path.args;
  } else if (query < 0) x.uri = target;
  else {
    x.uri = target.slice(0, query);
    x.args = target.slice(query + 1);
  }
  x.target = target;
  const { authority } = reader;
  if (reader.emptyPath && query >= 0) {
    // `http://host?a`: the target as written contains no path.
    x.target = target.slice(1);
    x.uriUnchanged = false;
  }
  if (authority === null) return null;
  const host = validHost(authority);
  return host === null ? refused(400, 'client sent invalid host in request line') : chooseServer(x, host, program);
}

/** Applies the Host field, and selects the server unless the request line contained a host. */
export function routeHost(x: Exchange, value: string, program: ListenerProgram): Refusal | null {
  const host = validHost(value);
  if (host === null) return refused(400, 'client sent invalid host header');
  return x.host === '' ? chooseServer(x, host, program) : null;
}

function chooseServer(x: Exchange, host: string, program: ListenerProgram): Refusal | null {
  let server: ServerProgram | null;
  try {
    server = program.names.find(host, x);
  } catch (error) {
    // Matching a regular expression exceeded its limits.
    if (error instanceof MatchFailed) return SEARCH_FAILED;
    throw error;
  }
  x.host = host;
  if (server !== null) setServer(x, server);
  return null;
}

/** Applies the settings and logs of a server. nginx: ngx_http_set_virtual_server. */
function setServer(x: Exchange, server: ServerProgram): void {
  x.server = server;
  x.location = server.base;
}

/** Checks the complete head; returns a refusal if the request must not be handled. */
export function admitRequest(x: Exchange, program: ListenerProgram): Refusal | null {
  const { headers } = x;
  // Without a host only the server with the empty name or the default server can match.
  if (x.host === '') setServer(x, program.names.find('', x) ?? x.server);
  if (x.version > 10 && headers.indexOf(Field.Host) < 0) {
    return refused(400, 'client sent HTTP/1.1 request without "Host" header');
  }
  const framing = requestFraming(headers, x.version);
  if (framing.status !== 0) return framing;
  x.contentLength = framing.length;
  x.keepAlive = connectionOptions(headers, x.version).keepAlive;
  if (x.method === 'CONNECT') return refused(405, 'client sent CONNECT method');
  if (x.method === 'TRACE') return refused(405, 'client sent TRACE method');
  return null;
}

/** Ends a refused exchange; bytes after its head cannot be trusted. */
export function refuseRequest(x: Exchange, refusal: Refusal, reader: RequestReader): void {
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
export function logReading(x: Exchange, reader: RequestReader, message: string): void {
  const line = x.client.pipelined ? 'pipelined request line' : 'request line';
  logError(x, 'info', `${message} while reading client ${reader.inLine ? line : 'request headers'}`);
}

/** Logs a dropped field line (`ignore_invalid_headers`). */
export function logDropped(x: Exchange, reader: RequestReader, line: string): void {
  if (!logs(x.errorLog, 'info')) return;
  reader.expose();
  logReading(x, reader, `client sent invalid header line: "${line}"`);
}

/** Whether the client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1). */
export function expectsContinue(x: Exchange): boolean {
  return x.version > 10 && x.headers.valueOf(Field.Expect)?.toLowerCase() === '100-continue';
}
