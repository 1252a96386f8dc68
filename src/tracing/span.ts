/** A span that has ended, until it is exported. Strings are text, not bytes. Times are ms since 1970, with fractions. */

export type AttributeValue = string | number | boolean | string[];

export type Attributes = Record<string, AttributeValue>;

export interface SpanEvent {
  readonly name: string;
  readonly time: number;
  readonly attributes: Attributes;
}

export interface EndedSpan {
  readonly name: string;
  /** `server`: the request of a client; `client`: a try, a request to an upstream. */
  readonly kind: 'server' | 'client';
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentId: string;
  /** Whether the parent is a span of another program. */
  readonly parentIsRemote: boolean;
  /** `tracestate` of the trace. */
  readonly state: string;
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  /** Events that are missing in `events`. */
  readonly droppedEvents: number;
  /** Description of the failure; empty if there is none to add to the attributes; null: it did not fail. */
  readonly failure: string | null;
}
