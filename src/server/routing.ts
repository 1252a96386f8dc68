/** From a request's head to an exchange: its path, its server, and what is refused before any phase runs. */
import { MatchFailed } from '../config/pcre/matcher.js';
import { logError } from '../exchange/error-context.js';
import type { Exchange } from '../exchange/exchange.js';
import type { ListenerProgram, ServerProgram } from '../exchange/program.js';
import { Field, fieldSet } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import { connectionOptions } from '../http/hop-by-hop.js';
import { validHost } from '../http/host.js';
import { type RequestReader, requestFraming } from '../http/request-reader.js';
import { normalizeTarget } from '../http/request-target.js';

/** Why a request is refused: a status, and nginx's sentence for the log. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

/** Fields of which a request may have one; two of them could be understood differently by two readers. */
const UNIQUE = fieldSet(
  Field.IfModifiedSince,
  Field.IfUnmodifiedSince,
  Field.IfMatch,
  Field.IfNoneMatch,
  Field.IfRange,
  Field.ContentLength,
  Field.ContentRange,
  Field.TransferEncoding,
  Field.Expect,
  Field.Authorization,
  Field.ProxyAuthorization,
);

const refused = (status: number, reason: string): Refusal => ({ status, reason });

/** The search for a server was given up: nginx closes the connection, and logs 500. */
const SEARCH_FAILED: Refusal = { status: 500, reason: '' };

/** Fills in the exchange from a complete head; a refusal where the request is not to be handled. */
export function routeRequest(x: Exchange, reader: RequestReader, program: ListenerProgram): Refusal | null {
  const { headers } = reader;
  if (reader.complex) {
    const path = normalizeTarget(reader.target, program.defaultServer.mergeSlashes);
    if (path === null) {
      // nginx has none in the log then.
      x.uri = '';
      return refused(400, 'client sent invalid request');
    }
    x.uri = path.path;
    x.args = path.args;
  } else if (reader.query < 0) x.uri = reader.target;
  else {
    x.uri = reader.target.slice(0, reader.query);
    x.args = reader.target.slice(reader.query + 1);
  }
  const field = headers.indexOf(Field.Host);
  let { authority } = reader;
  if (field >= 0) {
    if (headers.indexOf(Field.Host, field + 1) >= 0) return refused(400, 'client sent duplicate host header');
    const value = headers.value(field);
    if (validHost(value) === null) return refused(400, 'client sent invalid host header');
    authority ??= value;
  }
  if (authority !== null) {
    const host = validHost(authority);
    if (host === null) return refused(400, 'client sent invalid host in request line');
    x.host = host;
    const server = serverOf(host, x, program);
    if (server === null) return SEARCH_FAILED;
    x.server = server;
  } else {
    x.hostNamed = false;
    // Without a host only the server of the empty name, or the default one, can be meant.
    x.server = program.names.find('', x) ?? program.defaultServer;
    x.host = x.server.name;
  }
  x.location = x.server.base;
  const duplicate = headers.duplicate(UNIQUE);
  if (duplicate >= 0) return refused(400, `client sent duplicate header line: "${line(headers, duplicate)}"`);
  if (field < 0 && x.version > 10) return refused(400, 'client sent HTTP/1.1 request without "Host" header');
  const framing = requestFraming(headers, x.version);
  if (framing.status !== 0) return framing;
  x.contentLength = framing.length;
  x.keepAlive = connectionOptions(headers, x.version).keepAlive;
  if (x.method === 'CONNECT') return refused(405, 'client sent CONNECT method');
  if (x.method === 'TRACE') return refused(405, 'client sent TRACE method');
  return null;
}

/** The server of a host; null where a regular expression could not be matched within its limits. */
function serverOf(host: string, x: Exchange, program: ListenerProgram): ServerProgram | null {
  try {
    return program.names.find(host, x) ?? program.defaultServer;
  } catch (error) {
    if (error instanceof MatchFailed) return null;
    throw error;
  }
}

/** Ends an exchange whose request is refused; nothing behind its head can be trusted. */
export function refuseRequest(x: Exchange, refusal: Refusal): void {
  const { status, reason } = refusal;
  if (refusal === SEARCH_FAILED) {
    x.response.status = 500;
    x.abort();
    return;
  }
  logError(x, 'info', reason);
  x.contentLength = 0;
  x.keepAlive = false;
  if (x.host === '') x.host = x.server.name;
  x.finalize(status);
}

/** Tells of field lines that were dropped (`ignore_invalid_headers`). */
export function logDropped(x: Exchange, { dropped }: RequestReader): void {
  if (dropped !== null) for (const line of dropped) logError(x, 'info', `client sent invalid header line: "${line}"`);
}

function line(headers: HeaderBlock, i: number): string {
  return `${headers.name(i)}: ${headers.value(i)}`;
}

/** The client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1). */
export function expectsContinue(x: Exchange): boolean {
  return x.version > 10 && x.headers.valueOf(Field.Expect)?.toLowerCase() === '100-continue';
}
