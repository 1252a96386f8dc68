/**
 * Applies a request head to its exchange: target, host and server. Independent of the protocol, which calls these
 * functions as soon as it has read the respective part (HTTP/1), or one after another (HTTP/2): `routeTarget`,
 * `routeHost` for the Host field, `routeWithoutHost`, then its own checks, then `admitRequest`.
 */
import { MatchFailed } from '../config/pcre/match-failed.js';
import { validHost } from '../http/host.js';
import type { RequestHead } from '../http/request-head.js';
import { normalizeTarget } from '../http/request-target.js';
import { ADMISSION, type Refusal } from '../program/admission.js';
import type { ListenerProgram, ServerProgram } from '../program/program.js';
import type { HttpExchange } from './exchange.js';

const refused = (status: number, reason: string): Refusal => ({ status, reason });

/** The server search failed: nginx closes the connection and logs 500. */
const SEARCH_FAILED: Refusal = { status: 500, reason: '' };

/** Applies method, target and version, and selects the server if the target has an authority. */
export function routeTarget(x: HttpExchange, head: RequestHead, program: ListenerProgram): Refusal | null {
  x.version = head.version;
  x.method = head.method;
  x.requestLine = head.requestLine;
  const { target, query } = head;
  if (head.complex) {
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
  const { authority } = head;
  if (head.emptyPath && query >= 0) {
    // `http://host?a`: the target as written contains no path.
    x.target = target.slice(1);
    x.uriUnchanged = false;
  }
  if (authority === null) return null;
  const host = validHost(authority);
  return host === null ? refused(400, 'client sent invalid host in request line') : chooseServer(x, host, program);
}

/** Applies the Host field, and selects the server unless the request line contained a host. */
export function routeHost(x: HttpExchange, value: string, program: ListenerProgram): Refusal | null {
  const host = validHost(value);
  if (host === null) return refused(400, 'client sent invalid host header');
  return x.host === '' ? chooseServer(x, host, program) : null;
}

/** Applies `:authority`, and selects the server. */
export function routeAuthority(x: HttpExchange, value: string, program: ListenerProgram): Refusal | null {
  const host = validHost(value);
  return host === null ? refused(400, 'client sent invalid ":authority" header') : chooseServer(x, host, program);
}

function chooseServer(x: HttpExchange, host: string, program: ListenerProgram): Refusal | null {
  let server: ServerProgram | null;
  try {
    server = program.names.find(host, x);
  } catch (error) {
    // Matching a regular expression exceeded its limits.
    if (error instanceof MatchFailed) return SEARCH_FAILED;
    throw error;
  }
  x.host = host;
  setServer(x, server ?? program.otherwise ?? x.server);
  return x.client.accepted?.get(ADMISSION)?.refusesHost(host, x.server) ?? null;
}

/** Applies the settings and logs of a server. nginx: ngx_http_set_virtual_server. */
function setServer(x: HttpExchange, server: ServerProgram): void {
  x.server = server;
  x.location = server.base;
}

/** Selects the server of a complete head without a host: only the one with the empty name, or the default server. */
export function routeWithoutHost(x: HttpExchange, program: ListenerProgram): Refusal | null {
  return x.host === '' ? chooseServer(x, '', program) : null;
}

/** Applies the rest of a complete head; returns a refusal if the request must not be handled in any protocol. */
export function admitRequest(x: HttpExchange, head: RequestHead): Refusal | null {
  x.contentLength = head.contentLength;
  if (x.method === 'CONNECT') {
    const refusal = refusalOfConnect(x, head);
    if (refusal !== null) return refusal;
  }
  if (x.method === 'TRACE') return refused(405, 'client sent TRACE method');
  return x.client.accepted?.get(ADMISSION)?.refuses(x) ?? null;
}

/** Checks a CONNECT request; its connection is not kept alive, whatever the response. */
function refusalOfConnect(x: HttpExchange, head: RequestHead): Refusal | null {
  x.keepAlive = false;
  // nginx accepts it in HTTP/1.1 only, not even in other versions 1.x.
  if (!x.server.acceptsConnect || x.version !== 11 || !/ HTTP\/1\.0*1 *$/.test(x.requestLine)) {
    return refused(405, 'client sent CONNECT method');
  }
  return head.contentLength === 0 ? null : refused(400, 'client sent CONNECT request with body');
}
