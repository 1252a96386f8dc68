/** Spans of tries: requests to upstream servers. */
import type { HttpExchange } from '../exchange/exchange.js';
import type { UpstreamAttempt } from '../program/upstream-attempt.js';
import { redactedText } from './redacted-value.js';
import type { RequestTrace } from './request-trace.js';
import type { Attributes, EndedSpan } from './span.js';
import { newSpanId } from './trace-context.js';

/** Times of the request, ms since 1970, and their distance from those of the monotonic clock. */
export interface RequestTimes {
  readonly offset: number;
  readonly start: number;
  readonly end: number;
}

/** `repetition`: number of earlier tries. */
export function trySpan(
  x: HttpExchange,
  trace: RequestTrace,
  attempt: UpstreamAttempt,
  repetition: number,
  times: RequestTimes,
): EndedSpan {
  // The clocks have different precisions: a try is not longer than its request.
  const start = Math.min(times.end, Math.max(times.start, attempt.started + times.offset));
  const end = attempt.responseTime < 0 ? times.end : Math.min(times.end, start + attempt.responseTime);
  const answered = attempt.headerTime >= 0 && attempt.status !== 0;
  const failed = attempt.failure !== '' || attempt.status >= 500;
  return {
    name: x.upstreamMethod === '' ? x.method : x.upstreamMethod,
    kind: 'client',
    traceId: trace.traceId,
    spanId: newSpanId(),
    parentId: trace.spanId,
    parentIsRemote: false,
    state: trace.state,
    start,
    end,
    attributes: attributesOf(x, attempt, repetition, answered),
    events: [],
    droppedEvents: 0,
    failure: failed ? attempt.failure : null,
  };
}

function attributesOf(x: HttpExchange, attempt: UpstreamAttempt, repetition: number, answered: boolean): Attributes {
  const { address, status, failure } = attempt;
  const attributes: Attributes = { 'http.url': redactedText(attempt.url) };
  const port = /:(\d+)$/.exec(address);
  if (address.startsWith('unix:') || port === null) attributes['net.peer.name'] = redactedText(address);
  else {
    attributes['net.sock.peer.addr'] = address.slice(0, port.index).replace(/^\[|\]$/g, '');
    attributes['net.sock.peer.port'] = Number(port[1]);
  }
  if (x.upstreamHost !== undefined) attributes['tsproxy.upstream'] = redactedText(x.upstreamHost);
  if (repetition > 0) attributes['http.resend_count'] = repetition;
  if (answered) attributes['http.status_code'] = status;
  if (failure !== '') attributes['error.type'] = failure;
  if (attempt.queueTime >= 0) attributes['tsproxy.queue_time'] = seconds(attempt.queueTime);
  if (attempt.connectTime >= 0) attributes['tsproxy.connect_time'] = seconds(attempt.connectTime);
  if (attempt.headerTime >= 0) attributes['tsproxy.header_time'] = seconds(attempt.headerTime);
  attributes['tsproxy.bytes_sent'] = attempt.bytesSent;
  attributes['tsproxy.bytes_received'] = attempt.bytesReceived;
  return attributes;
}

/** With microseconds. */
function seconds(ms: number): number {
  return Math.round(ms * 1000) / 1e6;
}
