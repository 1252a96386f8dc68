/** Spans in the form that the packages of OpenTelemetry export. */
import {
  type HrTime,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type TraceState,
} from '@opentelemetry/api';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { VERSION } from '../http/software.js';
import type { EndedSpan } from './span.js';

const SCOPE = { name: 'tsproxy', version: VERSION };

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** The value of a received `tracestate`, which is not changed. */
class ReceivedState implements TraceState {
  constructor(private readonly value: string) {}
  serialize(): string {
    return this.value;
  }
  get(): undefined {
    return undefined;
  }
  set(): TraceState {
    return this;
  }
  unset(): TraceState {
    return this;
  }
}

export class ReadableSpans {
  private readonly resource: Resource;

  constructor(resource: Readonly<Record<string, string>>) {
    this.resource = resourceFromAttributes(resource);
  }

  of(spans: readonly EndedSpan[]): ReadableSpan[] {
    return spans.map((span) => this.readable(span));
  }

  private readable(span: EndedSpan): ReadableSpan {
    const { traceId, spanId, parentId, state, failure } = span;
    const common = { traceId, traceFlags: TraceFlags.SAMPLED };
    const context: SpanContext = {
      ...common,
      spanId,
      ...(state !== '' && { traceState: new ReceivedState(state) }),
    };
    return {
      name: span.name,
      kind: span.kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT,
      spanContext: () => context,
      ...(parentId !== '' && { parentSpanContext: { ...common, spanId: parentId, isRemote: span.parentIsRemote } }),
      startTime: hrTime(span.start),
      endTime: hrTime(span.end),
      duration: hrTime(span.end - span.start),
      ended: true,
      status:
        failure === null
          ? { code: SpanStatusCode.UNSET }
          : { code: SpanStatusCode.ERROR, ...(failure !== '' && { message: failure }) },
      attributes: span.attributes,
      links: [],
      events: span.events.map(({ name, time, attributes }) => ({ name, time: hrTime(time), attributes })),
      resource: this.resource,
      instrumentationScope: SCOPE,
      droppedAttributesCount: 0,
      droppedEventsCount: span.droppedEvents,
      droppedLinksCount: 0,
    };
  }
}
