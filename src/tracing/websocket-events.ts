/** Events of the span of a WebSocket: its opening, its end, and samples of its messages. */
import type { HttpExchange } from '../exchange/exchange.js';
import type { Direction, StageFactory } from '../tunnel/stages.js';
import { WEBSOCKET_STATS } from '../tunnel/websocket-stats.js';
import { FrameReader } from '../websocket/frame-reader.js';
import { CONTINUATION, CONTROL, TEXT } from '../websocket/opcodes.js';
import type { Stage, StageHost } from '../websocket/stage.js';
import { redactedText } from './redacted-value.js';
import { type RequestTrace, TRACE, TRACE_SETTINGS } from './request-trace.js';
import type { SpanEvent } from './span.js';

/** Maximum number of events about messages in a span, as in OpenTelemetry's SDKs. */
const MAX_MESSAGES = 128;

/** RSV1: the message is compressed by permessage-deflate. */
const COMPRESSED = 4;

const NO_EVENTS = { events: [], dropped: 0 } as const;

/** Events of a request that has ended, in the order of their times; none if it was no WebSocket. */
export function websocketEvents(
  x: HttpExchange,
  trace: RequestTrace,
): { readonly events: readonly SpanEvent[]; readonly dropped: number } {
  const stats = x.tunnelled ? x.state(WEBSOCKET_STATS) : undefined;
  if (stats === undefined) return NO_EVENTS;
  const { fromClient, fromUpstream, closedBy, closeCode, closeReason } = stats;
  const open = { name: 'websocket.open', time: stats.openedAt, attributes: {} };
  const close = {
    name: 'websocket.close',
    time: stats.endedAt === 0 ? Date.now() : stats.endedAt,
    attributes: {
      'websocket.closed_by': closedBy ?? 'proxy',
      'websocket.close_code': closeCode,
      'websocket.close_reason': redactedText(closeReason),
      'websocket.messages_received': fromClient.messages,
      'websocket.messages_sent': fromUpstream.messages,
      'websocket.bytes_received': fromClient.bytes,
      'websocket.bytes_sent': fromUpstream.bytes,
    },
  };
  return { events: [open, ...(trace.messages ?? []), close], dropped: trace.droppedMessages };
}

/** Records one of `interval` messages of one sender. Bytes are passed on at once. */
class MessageEvents implements Stage {
  readonly full = false;
  readonly busy = false;
  private readonly frames = new FrameReader();
  private over = false;
  private count = 0;
  /** The message in progress. */
  private binary = false;
  private compressed = false;
  private size = 0;

  constructor(
    private readonly host: StageHost,
    private readonly trace: RequestTrace,
    private readonly direction: Direction,
    private readonly interval: number,
  ) {}

  push(bytes: Buffer, start: number, end: number): void {
    this.host.pass(bytes, start, end);
    const { frames } = this;
    for (let at = start; at < end && !this.over; ) {
      const { inPayload } = frames;
      at = frames.next(bytes, at, end);
      if (!inPayload && (frames.inPayload || frames.betweenFrames)) this.header();
    }
  }

  private header(): void {
    const { opcode, fin, rsv, length } = this.frames;
    if (opcode >= CONTROL) return;
    if (opcode !== CONTINUATION) {
      this.binary = opcode !== TEXT;
      this.compressed = (rsv & COMPRESSED) !== 0;
      this.size = 0;
    }
    this.size += length;
    if (fin && this.count++ % this.interval === 0) this.record();
  }

  private record(): void {
    const { trace } = this;
    trace.messages ??= [];
    if (trace.messages.length >= MAX_MESSAGES) {
      trace.droppedMessages++;
      return;
    }
    trace.messages.push({
      name: 'websocket.message',
      time: Date.now(),
      attributes: {
        'websocket.from': this.direction === 'up' ? 'client' : 'upstream',
        'websocket.message': this.count,
        'websocket.binary': this.binary,
        'websocket.size': this.size,
        ...(this.compressed && { 'websocket.compressed': true }),
      },
    });
  }

  /** Nothing is queued here. */
  drained(): void {}

  receiverClosed(): void {
    this.over = true;
  }

  dispose(): void {
    this.over = true;
  }
}

/** For locations with `otel_websocket_messages`. */
export const openMessageEvents: StageFactory = (x, direction, host) => {
  const interval = x.location.settings.get(TRACE_SETTINGS)?.messageEvents ?? 0;
  const trace = x.state(TRACE);
  if (interval === 0 || trace?.sampled !== true) return null;
  return new MessageEvents(host, trace, direction, interval);
};
