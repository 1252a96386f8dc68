/** Response output: the head passes the header filters, and the body the body filters and the rate limit. */
import type { Chunk } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { EngineExchange } from './engine-exchange.js';
import { paceOf } from './pace.js';
import { absoluteLocation } from './redirect.js';
import { settleHead } from './settled-head.js';

export function respond(x: EngineExchange, status: number, body: string | Buffer, contentType?: string): void {
  const broken = discardBody(x);
  if (broken !== 0) {
    x.finalize(broken);
    return;
  }
  const { response } = x;
  response.status = status;
  response.contentLength = body.length;
  // An existing type is kept: X-Accel-Redirect copies the upstream's.
  response.contentType = contentType ?? response.contentType ?? x.defaultType();
  if (!sendHead(x, false)) return;
  if (body.length > 0) write(x, body);
  end(x);
}

/** Discards received bytes of an unread body; returns a status if its framing is invalid. */
function discardBody(x: EngineExchange): number {
  if (x.contentLength === 0 || x.body !== null || x.bodyDiscarded) return 0;
  return x.client.discardBody();
}

export function sendHead(x: EngineExchange, ended: boolean): boolean {
  if (x.headSent || x.finished) return false;
  const { response } = x;
  if (x.errorStatus !== 0) {
    response.reason = null;
    response.status = x.errorStatus;
  }
  // The client has received its response.
  if (x.follows !== null) {
    x.headSent = true;
    if (ended) complete(x);
    return true;
  }
  if (x.version === 20 && x.client.extendedConnect && refusesSuccess(x)) return false;
  if (response.contentType === '') response.contentType = null;
  const { headerFilters, bodyFilters } = x.location;
  for (let i = 0; i < headerFilters.length; i++) {
    const status = headerFilters[i]?.(x);
    // A filter that rejects the response (412, 416) returns the status to send instead.
    if (typeof status === 'number') {
      replaceResponse(x, status);
      return false;
    }
  }
  settleHead(x);
  absoluteLocation(x);
  if (!x.headOnly && !ended) {
    for (let i = 0; i < bodyFilters.length; i++) {
      const filter = bodyFilters[i]?.(x);
      if (filter !== null && filter !== undefined) (x.filters ??= []).push(filter);
    }
  }
  x.headSent = true;
  x.client.sendHead(x, ended);
  if (!ended && !x.headOnly && x.nested === null) x.pace = paceOf(x);
  if (ended) complete(x);
  return true;
}

/**
 * A client that has requested a tunnel takes every 2xx response for its beginning (RFC 9110 9.3.6): a response without a
 * tunnel becomes 502. Returns whether the response was replaced.
 */
function refusesSuccess(x: EngineExchange): boolean {
  const { response } = x;
  if (x.tunnelled || x.nested !== null || response.status < 200 || response.status > 299) return false;
  logError(
    x,
    'error',
    `no WebSocket was opened for a client that requested one: the response had status ${response.status}`,
  );
  if (!x.errorPageActive) {
    replaceResponse(x, 502);
    return true;
  }
  response.reason = null;
  response.status = 502;
  x.errorStatus = 502;
  return false;
}

/** Replaces a response rejected by a header filter, and discards its body. */
function replaceResponse(x: EngineExchange, status: number): void {
  x.producer?.abort();
  x.producer = null;
  x.finalize(status);
}

export function write(x: EngineExchange, chunk: Chunk): boolean {
  if (x.headOnly || x.finished) return true;
  return x.filters === null ? send(x, chunk) : runBodyFilters(x, 0, chunk);
}

/** Maximum bytes for which a string is cheaper than a view of a buffer: it is sent in one write with adjacent data. */
const MAX_TEXT = 4096;

export function writeBytes(x: EngineExchange, bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= MAX_TEXT && x.filters === null) return write(x, bytes.latin1Slice(start, end));
  return write(x, start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
}

function send(x: EngineExchange, chunk: Chunk): boolean {
  return x.pace === null ? x.client.write(chunk) : x.pace.write(chunk);
}

function runBodyFilters(x: EngineExchange, from: number, chunk: Chunk | null): boolean {
  const { filters } = x;
  if (filters === null || from === filters.length) {
    if (chunk === null) complete(x);
    // An asynchronous filter may pass data after the exchange has finished.
    else if (!x.finished) return send(x, chunk);
    return true;
  }
  const filter = filters[from];
  return filter === undefined ? true : filter.push(chunk, (c) => runBodyFilters(x, from + 1, c));
}

export function flush(x: EngineExchange): void {
  if (x.finished || x.filters === null) return;
  for (const filter of x.filters) filter.flush?.();
}

export function end(x: EngineExchange): void {
  if (x.finished || x.completed) return;
  // The response is complete when the last filter has passed the end.
  if (x.filters !== null) runBodyFilters(x, 0, null);
  else complete(x);
}

function complete(x: EngineExchange): void {
  if (x.finished || x.completed) return;
  if (x.pace?.defers(() => complete(x))) return;
  x.completed = true;
  x.producer = null;
  x.client.end(true);
}
