/** Spans of a request that has ended: its own, with the attributes of nginx's module, and those of its tries. */
import { performance } from 'node:perf_hooks';
import type { HttpExchange } from '../exchange/exchange.js';
import { callbackTime } from '../http/clock.js';
import { REDACTED } from '../tap/credentials.js';
import { isCredential, redactedText } from './redacted-value.js';
import { type RequestTrace, TRACE_SETTINGS, type TraceSettings } from './request-trace.js';
import type { Attributes, EndedSpan } from './span.js';
import { trySpan } from './try-span.js';
import { websocketEvents } from './websocket-events.js';

/** Maximum length of an attribute value, characters. */
const MAX_VALUE = 4096;

/** Calls `add` for each span, that of the request last. */
export function requestSpans(x: HttpExchange, trace: RequestTrace, add: (span: EndedSpan) => void): void {
  const settings = x.location.settings.get(TRACE_SETTINGS);
  const end = Math.max(callbackTime(), x.startTime);
  if (x.attempts !== null && settings?.upstreamSpans !== false) addTries(x, trace, end, add);
  const status = x.errorStatus !== 0 ? x.errorStatus : x.response.status;
  const { events, dropped } = websocketEvents(x, trace);
  add({
    name: cut(redactedText(settings?.name?.of(x) ?? x.location.name)),
    kind: 'server',
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentId: trace.parent?.spanId ?? '',
    parentIsRemote: true,
    state: trace.state,
    start: x.startTime,
    end,
    attributes: attributesOf(x, status, settings),
    events,
    droppedEvents: dropped,
    failure: status >= 500 ? '' : null,
  });
}

function addTries(x: HttpExchange, trace: RequestTrace, end: number, add: (span: EndedSpan) => void): void {
  // Attempts have times of the monotonic clock.
  const offset = Date.now() - performance.now();
  let repetition = 0;
  for (const attempt of x.attempts ?? []) {
    // A separator that represents an internal redirect.
    if (attempt.address === '') continue;
    add(trySpan(x, trace, attempt, repetition, { offset, start: x.startTime, end }));
    repetition++;
  }
}

/** Semantic conventions of OpenTelemetry 1.16, as in nginx's module. */
function attributesOf(x: HttpExchange, status: number, settings: TraceSettings | null): Attributes {
  const { client } = x;
  const attributes: Attributes = { 'http.method': x.method, 'http.target': cut(redactedText(x.target)) };
  if (x.location.name !== '') attributes['http.route'] = redactedText(x.location.name);
  attributes['http.scheme'] = client.secure ? 'https' : 'http';
  if (x.version > 9) attributes['http.flavor'] = x.version === 10 ? '1.0' : x.version === 11 ? '1.1' : '2.0';
  const agent = x.headers.get('user-agent');
  if (agent !== undefined) attributes['http.user_agent'] = cut(redactedText(agent));
  attributes['http.request_content_length'] = Math.max(0, x.contentLength);
  attributes['http.response_content_length'] = client.bodyBytesSent;
  if (status !== 0) attributes['http.status_code'] = status;
  attributes['net.host.name'] = redactedText(x.server.name !== '' ? x.server.name : x.host);
  if (client.unixPath === null && client.localPort !== (client.secure ? 443 : 80)) {
    attributes['net.host.port'] = client.localPort;
  }
  attributes['net.sock.peer.addr'] = x.remoteAddress;
  attributes['net.sock.peer.port'] = x.remotePort;
  for (const { name, value } of settings?.attributes ?? []) {
    const text = isCredential(name) ? REDACTED : cut(redactedText(value.of(x)));
    attributes[name] = FIELD.test(name) ? [text] : text;
  }
  return attributes;
}

/** Attributes of fields are lists: a field may have several lines. */
const FIELD = /^http\.(?:request|response)\.header\./;

function cut(text: string): string {
  return text.length > MAX_VALUE ? text.slice(0, MAX_VALUE) : text;
}
