/** Rows of the traffic tap about exchanges. Called only while the tap is active. */
import { performance } from 'node:perf_hooks';
import { callbackTime } from '../http/clock.js';
import type { HeaderBlock } from '../http/header-block.js';
import { StateKey } from '../program/state-key.js';
import type { FieldLine, TryRow } from '../tap/rows.js';
import type { EngineExchange } from './engine-exchange.js';

const TAP_ID = new StateKey<string>('tap id', 'request');

/** Id of the rows about an exchange. */
export function tapId(x: EngineExchange): string {
  let id = x.state(TAP_ID);
  if (id === undefined) {
    id = x.server.tap.nextId();
    x.setState(TAP_ID, id);
  }
  return id;
}

/** Address of the client with its port. */
export function clientOf({ remoteAddress, remotePort }: EngineExchange): string {
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}

/** Address of the last upstream server; empty if there was none. */
export function upstreamOf({ attempts }: EngineExchange): string {
  return attempts?.at(-1)?.address ?? '';
}

/** The attempts of an exchange so far. */
export function triesOf({ attempts, startTime }: EngineExchange): TryRow[] {
  if (attempts === null) return [];
  return attempts.map((attempt) => ({
    address: attempt.address,
    status: attempt.status,
    start: Math.max(0, performance.timeOrigin + attempt.started - startTime),
    queue: attempt.queueTime,
    connect: attempt.connectTime,
    head: attempt.headerTime,
    done: attempt.responseTime,
    sent: attempt.bytesSent,
    received: attempt.bytesReceived,
  }));
}

export function linesOf(block: HeaderBlock): FieldLine[] {
  const lines: FieldLine[] = [];
  for (let i = 0; i < block.count; i++) lines.push([block.name(i), block.value(i)]);
  return lines;
}

/** The client's own request, not a subrequest or an action after it. */
export function isOwn(x: EngineExchange): boolean {
  return x.nested === null && x.follows === null;
}

export function tapRequest(x: EngineExchange): void {
  if (!isOwn(x)) return;
  x.server.tap.publish({
    type: 'request',
    id: tapId(x),
    time: callbackTime(),
    client: clientOf(x),
    secure: x.client.secure,
    host: x.host,
    method: x.method,
    target: x.target,
    generation: x.generation,
    headers: linesOf(x.headers),
  });
}

export function tapResponse(x: EngineExchange): void {
  if (!isOwn(x)) return;
  const { response } = x;
  const headers = response.upstream === null ? [] : linesOf(response.upstream);
  const { added, contentType } = response;
  if (contentType !== null && !headers.some(([name]) => name.toLowerCase() === 'content-type')) {
    headers.push(['Content-Type', contentType]);
  }
  for (let i = 0; i + 1 < added.length; i += 2) headers.push([added[i] ?? '', added[i + 1] ?? '']);
  const time = callbackTime();
  x.server.tap.publish({
    type: 'response',
    id: tapId(x),
    time,
    client: clientOf(x),
    secure: x.client.secure,
    host: x.host,
    generation: x.generation,
    method: x.method,
    target: x.target,
    status: x.errorStatus !== 0 ? x.errorStatus : response.status,
    server: x.server.name,
    location: x.location.name,
    place: x.location.block?.at ?? null,
    headers,
    received: x.client.requestLength,
    bytes: x.client.bodyBytesSent,
    duration: Math.max(0, time - x.startTime),
    upstream: upstreamOf(x),
    tries: triesOf(x),
    completed: x.completed || x.tunnelled,
  });
}
