/** From a request's head to an exchange: its path, its server, and what is refused before any phase runs. */
import { MatchFailed } from '../config/pcre/match-failed.js';
import { logError } from '../exchange/error-context.js';
import { logs } from '../exchange/error-log.js';
import { type Exchange, LINE_AT_VERSION, LINE_BEGUN } from '../exchange/exchange.js';
import type { ListenerProgram, ServerProgram } from '../exchange/program.js';
import { Field } from '../http/field-names.js';
import { connectionOptions } from '../http/hop-by-hop.js';
import { validHost } from '../http/host.js';
import { type RequestReader, requestFraming } from '../http/request-reader.js';
import { normalizeTarget } from '../http/request-target.js';

/** Why a request is refused: a status, and nginx's sentence for the log. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

const refused = (status: number, reason: string): Refusal => ({ status, reason });

/** The search for a server was given up: nginx closes the connection, and logs 500. */
const SEARCH_FAILED: Refusal = { status: 500, reason: '' };

/** Takes what is known of a request line that was refused or never completed. */
export function takePartialLine(x: Exchange, reader: RequestReader): void {
  x.requestLine = reader.partialLine;
  x.lineProgress = reader.atVersion ? LINE_AT_VERSION : LINE_BEGUN;
  x.version = reader.version;
  if (reader.method !== '') x.method = reader.method;
  x.uri = '';
}

/** Takes the request line, and chooses the server where it names a host; a refusal where it is not accepted. */
export function routeLine(x: Exchange, reader: RequestReader, program: ListenerProgram): Refusal | null {
  x.version = reader.version;
  x.method = reader.method;
  x.requestLine = reader.requestLine;
  const { target, query } = reader;
  if (reader.complex) {
    const path = normalizeTarget(target, program.defaultServer.mergeSlashes);
    if (path === null) {
      // nginx has none in the log then.
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
    // `http://host?a`: the path is not in the target as written.
    x.target = target.slice(1);
    x.uriUnchanged = false;
  }
  if (authority === null) return null;
  const host = validHost(authority);
  return host === null ? refused(400, 'client sent invalid host in request line') : chooseServer(x, host, program);
}

/** Takes the Host field, and chooses the server where the request line named none. */
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
    // A regular expression could not be matched within its limits.
    if (error instanceof MatchFailed) return SEARCH_FAILED;
    throw error;
  }
  x.host = host;
  if (server !== null) serveBy(x, server);
  return null;
}

/** The server's settings and logs hold from here on. nginx: ngx_http_set_virtual_server. */
function serveBy(x: Exchange, server: ServerProgram): void {
  x.server = server;
  x.location = server.base;
}

/** Looks at the complete head; a refusal where the request is not to be handled. */
export function admitRequest(x: Exchange, program: ListenerProgram): Refusal | null {
  const { headers } = x;
  // Without a host only the server of the empty name, or the default one, can be meant.
  if (x.host === '') serveBy(x, program.names.find('', x) ?? x.server);
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

/** Ends an exchange whose request is refused; nothing behind its head can be trusted. */
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

/** Logs what becomes of a head that is being read. */
export function logReading(x: Exchange, reader: RequestReader, message: string): void {
  const line = x.client.pipelined ? 'pipelined request line' : 'request line';
  logError(x, 'info', `${message} while reading client ${reader.inLine ? line : 'request headers'}`);
}

/** Logs a field line that was dropped (`ignore_invalid_headers`). */
export function logDropped(x: Exchange, reader: RequestReader, line: string): void {
  if (!logs(x.errorLog, 'info')) return;
  reader.expose();
  logReading(x, reader, `client sent invalid header line: "${line}"`);
}

/** The client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1). */
export function expectsContinue(x: Exchange): boolean {
  return x.version > 10 && x.headers.valueOf(Field.Expect)?.toLowerCase() === '100-continue';
}
