/** Identification of a span for other programs: the fields `traceparent` and `tracestate` (https://www.w3.org/TR/trace-context/). */
import { randomFillSync } from 'node:crypto';

export interface TraceContext {
  /** 32 hexadecimal digits, in lower case. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Whether the span is recorded. */
  readonly sampled: boolean;
  /** Value of `tracestate`; empty if there is none. */
  readonly state: string;
}

/** As nginx's module: version 00 only, hexadecimal digits of either case. */
const TRACEPARENT = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/i;
const ZEROS = /^0+$/;

/** Returns null for a value that is invalid; then `tracestate` is meaningless as well. */
export function parseTraceparent(value: string, state: string): TraceContext | null {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(value) ?? [];
  if (traceId === '' || ZEROS.test(traceId) || ZEROS.test(spanId)) return null;
  return {
    traceId: traceId.toLowerCase(),
    spanId: spanId.toLowerCase(),
    sampled: (Number.parseInt(flags, 16) & 1) !== 0,
    state,
  };
}

export function traceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** Bytes of a trace id and of a span id. */
const TRACE_ID = 16;
const SPAN_ID = 8;

/** Random bytes are requested in blocks: a request for a few of them costs as much. */
const block = Buffer.alloc(4096);
let used = block.length;

function randomId(bytes: number): string {
  if (used + bytes > block.length) {
    randomFillSync(block);
    used = 0;
  }
  const id = block.toString('hex', used, used + bytes);
  used += bytes;
  // An id of zeros is invalid.
  return ZEROS.test(id) ? randomId(bytes) : id;
}

export function newTraceId(): string {
  return randomId(TRACE_ID);
}

export function newSpanId(): string {
  return randomId(SPAN_ID);
}
