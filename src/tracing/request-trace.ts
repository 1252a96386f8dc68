/** The trace of a request: its own ids, those of its parent, and whether it is recorded. */
import type { Exchange } from '../program/exchange.js';
import { SettingsKey } from '../program/settings-key.js';
import { StateKey } from '../program/state-key.js';
import type { Template } from '../program/template.js';
import type { SpanEvent } from './span.js';
import { newSpanId, newTraceId, parseTraceparent, type TraceContext, traceparent } from './trace-context.js';

/** Directives of a location. */
export interface TraceSettings {
  /** `otel_trace`; null: not set. */
  readonly sampling: Template | null;
  /** `otel_trace_context`: whether the parent is taken from the request, and whether the request's own context is sent on. */
  readonly extracts: boolean;
  readonly injects: boolean;
  /** `otel_span_name`; null: the name of the location. */
  readonly name: Template | null;
  readonly attributes: readonly { readonly name: string; readonly value: Template }[];
  readonly upstreamSpans: boolean;
  /** One of that many messages of each side has an event; 0: none has. */
  readonly messageEvents: number;
}

export const TRACE_SETTINGS = new SettingsKey<TraceSettings | null>('otel', null);

export class RequestTrace implements TraceContext {
  readonly traceId: string;
  readonly spanId = newSpanId();
  readonly state: string;
  sampled = false;
  /** Whether its spans have been recorded. */
  recorded = false;
  /** Events about messages of its WebSocket; null if there are none. */
  messages: SpanEvent[] | null = null;
  droppedMessages = 0;

  constructor(readonly parent: TraceContext | null) {
    this.traceId = parent?.traceId ?? newTraceId();
    this.state = parent?.state ?? '';
  }
}

/** The trace of a request and its subrequests. */
export const TRACE = new StateKey<RequestTrace>('trace', 'request');

/** Returns the trace of a request, which is created on first use. */
export function traceOf(x: Exchange): RequestTrace {
  let trace = x.state(TRACE);
  if (trace === undefined) {
    const extracts = x.location.settings.get(TRACE_SETTINGS)?.extracts === true;
    trace = new RequestTrace(extracts ? extracted(x) : null);
    x.setState(TRACE, trace);
  }
  return trace;
}

function extracted({ headers }: Exchange): TraceContext | null {
  const parent = headers.get('traceparent');
  return parent === undefined ? null : parseTraceparent(parent, headers.joined('tracestate', ',') ?? '');
}

/** Fields with which a trace is sent on. */
export function contextFields(trace: RequestTrace): readonly (readonly [name: string, value: string])[] {
  const parent = ['traceparent', traceparent(trace)] as const;
  return trace.state === '' ? [parent] : [parent, ['tracestate', trace.state]];
}

/** Names of the fields that `contextFields` replaces. */
export const CONTEXT_FIELDS: readonly string[] = ['traceparent', 'tracestate'];
