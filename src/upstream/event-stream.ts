/**
 * Sink of a response with the type `text/event-stream`: counts its events, inserts comments and events of the proxy between
 * them, and continues the stream with another response of the upstream.
 */

import { EVENT_STREAM_BOM, EventReader, isEventStream } from '../http/event-reader.js';
import { Field } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import type { ResponseHead } from '../http/response-head.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import { ByteQueue } from '../net/byte-queue.js';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import type { Producer } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Session } from '../program/session.js';
import { StateKey } from '../program/state-key.js';
import type { Tap } from '../tap/tap.js';
import { EventHash, EventStreamRecovery } from './event-stream-recovery.js';
import { type EventStreamSettings, eventStreamCounts } from './event-stream-settings.js';
import { EventTap } from './event-tap.js';
import type { ResponseSink } from './response-sink.js';

/** The stream of a response, for variables. */
export const EVENT_STREAM = new StateKey<EventStream>('event stream');

/** Streams that are open in this process. */
export const openEventStreams: Set<EventStream> = new Set();

const HEARTBEAT = Buffer.from(': heartbeat\n\n');
const LF = 10;
const CR = 13;
/** Maximum size of an event that is held back to be dropped if the upstream fails in it (`sse_error`), bytes. */
const MAX_HELD = 65_536;

/** Requests the stream again. */
export interface EventSource {
  requestAgain(): void;
}

/** Properties of the response and its request. */
export interface EventStreamOptions {
  readonly settings: EventStreamSettings;
  /** `Last-Event-ID` of the request; empty if it has none. */
  readonly lastEventId: string;
  /** Whether the request may be sent again after a failure. */
  readonly repeatable: boolean;
  /** Whether the request may also be sent again after a complete response, because its method is idempotent. */
  readonly idempotent: boolean;
  readonly tap: Tap;
  /** Id of the rows about the exchange. */
  readonly tapId: () => string;
}

/** Precedes the sinks that may delay bytes, so that the loss of the upstream is handled after all bytes it has sent. */
export class EventStream implements ResponseSink, Producer, Timed {
  deadline = 0;
  deadlineIndex = -1;
  /** Bytes passed on. */
  length = 0;
  /** Comments inserted. */
  heartbeats = 0;
  /** Responses with which the stream was continued. */
  reconnects = 0;
  /** Repeated events that were dropped. */
  replays = 0;
  /** Publishes the events to the traffic tap, while that is active. */
  private tapped: EventTap | null = null;
  private readonly reader = new EventReader();
  private readonly recovery: EventStreamRecovery | null;
  private readonly hash: EventHash | null;
  /** Incomplete event that is held back; null if events are passed on as they arrive. */
  private readonly held: ByteQueue | null;
  /** Whether the client has the beginning of the event that is being received. */
  private exposed = false;
  /** Events counted so far. */
  private counted = 0;
  /** Time of the last event on the clock of `now()`, if gaps are recorded; -1: none. */
  private lastEvent = -1;
  /** Whether the next sink accepts no more data. */
  private blocked = false;
  private opened = false;
  private waiting = false;
  private over = false;
  /** Whether the next byte is dropped if it is the LF of a CRLF: something was inserted after the CR. */
  private dropLf = false;
  /** Bytes of a byte order mark that were dropped; -1 if none is: a mark is valid at the beginning only. */
  private markDropped = -1;

  constructor(
    private readonly x: Session,
    private readonly next: ResponseSink,
    private readonly source: Producer & EventSource,
    private readonly options: EventStreamOptions,
  ) {
    const { reconnect, error } = options.settings;
    this.recovery = reconnect === null ? null : new EventStreamRecovery(reconnect);
    this.hash = reconnect === null ? null : new EventHash();
    this.held = reconnect === null && error === null ? null : new ByteQueue();
    this.reader.lastEventId = options.lastEventId;
  }

  /** Id of the rows about the exchange. */
  get tapId(): string {
    return this.options.tapId();
  }

  /** Whether the client waits until the upstream continues the stream. */
  get isWaiting(): boolean {
    return this.waiting;
  }

  get activity(): string {
    return this.source.activity ?? '';
  }

  /** Events passed on. */
  get events(): number {
    return this.reader.events - this.replays;
  }

  /** The last event id; empty if there is none. */
  get lastEventId(): string {
    return this.reader.lastEventId ?? '';
  }

  // -- the response

  head(response: ResponseHead): boolean {
    if (!this.next.head(response)) return false;
    this.opened = true;
    openEventStreams.add(this);
    eventStreamCounts.open++;
    const { retry, heartbeat } = this.options.settings;
    if (retry >= 0) this.insert(Buffer.from(`retry: ${retry}\n\n`));
    if (heartbeat > 0) {
      watch(this);
      this.deadline = now() + heartbeat;
    }
    return true;
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.options.tap.framesActive) this.startTap();
    const { heartbeat } = this.options.settings;
    if (heartbeat > 0) this.deadline = now() + heartbeat;
    const from = this.markDropped >= 0 || this.reader.afterCr ? this.readEdge(bytes, start, end) : start;
    if (from < end) {
      if (this.held === null) this.passAll(bytes, from, end);
      else this.passEvents(bytes, from, end, this.held);
    }
    return !this.blocked;
  }

  /** Drops what cannot follow an insertion: the LF after a CR, a byte order mark. Returns the offset of the first other byte. */
  private readEdge(bytes: Buffer, start: number, end: number): number {
    const { reader } = this;
    let from = start;
    if (from < end && reader.between && reader.afterCr && bytes[from] === LF) {
      reader.afterCr = false;
      if (!this.dropLf) this.pass(bytes, from, from + 1);
      from++;
    }
    this.dropLf = false;
    if (this.markDropped < 0) return from;
    while (from < end && bytes[from] === EVENT_STREAM_BOM[this.markDropped]) {
      from++;
      this.markDropped++;
    }
    if (from === end && this.markDropped < EVENT_STREAM_BOM.length) return from;
    const { markDropped } = this;
    this.markDropped = -1;
    // The beginning of a mark is the beginning of a field.
    if (markDropped > 0 && markDropped < EVENT_STREAM_BOM.length) this.bytes(EVENT_STREAM_BOM, 0, markDropped);
    return from;
  }

  /** Passes bytes on as they are. */
  private passAll(bytes: Buffer, start: number, end: number): void {
    const { reader } = this;
    for (let at = start; at < end; ) at = reader.read(bytes, at, end);
    this.count();
    this.pass(bytes, start, end);
  }

  /** Passes complete events on; an incomplete one is held back up to a limit. */
  private passEvents(bytes: Buffer, start: number, end: number, held: ByteQueue): void {
    const { reader, hash } = this;
    /** Bytes from here on are passed on together. */
    let from = start;
    for (let at = start; at < end; ) {
      const first = at;
      const { events } = reader;
      at = reader.read(bytes, at, end);
      // Without the LF of the last CRLF, which may also arrive later.
      const splittable = reader.between && at - first > 1 && bytes[at - 2] === CR && bytes[at - 1] === LF;
      hash?.update(bytes, first, splittable ? at - 1 : at);
      if (!reader.between) {
        this.pass(bytes, from, first);
        this.hold(bytes, first, at, held);
        break;
      }
      const isNew = this.recovery?.accept(hash?.take() ?? 0, reader.hasId) ?? true;
      // The rest of an event follows its beginning.
      if (isNew || this.exposed) {
        if (held.length > 0) this.passHeld(held);
      } else {
        this.pass(bytes, from, first);
        held.clear();
        from = at;
        this.replays += reader.events - events;
        this.dropLf = at === end && reader.afterCr;
      }
      this.exposed = false;
      if (at === end) this.pass(bytes, from, at);
    }
    this.count();
  }

  /** Holds back a part of an event, or passes it on if the event is too long. */
  private hold(bytes: Buffer, start: number, end: number, held: ByteQueue): void {
    const limit = this.options.settings.reconnect?.buffer ?? MAX_HELD;
    if (!this.exposed && held.length + end - start <= limit) {
      held.push(bytes, start, end);
      return;
    }
    this.exposed = true;
    this.passHeld(held);
    this.pass(bytes, start, end);
  }

  private passHeld(held: ByteQueue): void {
    if (held.length === 0) return;
    const bytes = held.takeAll();
    this.pass(bytes, 0, bytes.length);
  }

  /** Begins to publish events. The beginning of the current one may have been sent already. */
  private startTap(): void {
    if (this.tapped?.isCurrent === true) return;
    const { tap, tapId } = this.options;
    if (!tap.wants(tapId())) return;
    this.tapped = new EventTap(tap, tapId(), !this.insertable, this.length === 0);
  }

  private tapEvents(tapped: EventTap, bytes: Buffer, start: number, end: number): void {
    const { tap } = this.options;
    if (tap.framesActive && tapped.isCurrent && tap.wants(tapped.id)) tapped.push(bytes, start, end);
    else this.tapped = null;
  }

  private pass(bytes: Buffer, start: number, end: number): void {
    if (start >= end) return;
    if (this.tapped !== null) this.tapEvents(this.tapped, bytes, start, end);
    this.length += end - start;
    if (!this.next.bytes(bytes, start, end)) this.blocked = true;
  }

  /** Adds the events of the last bytes to the counts. */
  private count(): void {
    const { events } = this;
    if (events === this.counted) return;
    eventStreamCounts.events += events - this.counted;
    if (eventStreamCounts.gaps !== null) this.recordGaps(eventStreamCounts.gaps, events - this.counted);
    this.counted = events;
    this.recovery?.received();
  }

  /** Records the time since the last event, and none between those that arrived together. */
  private recordGaps(gaps: { observe(ms: number): void }, events: number): void {
    const time = now();
    if (this.lastEvent >= 0) gaps.observe(time - this.lastEvent);
    for (let i = 1; i < events; i++) gaps.observe(0);
    this.lastEvent = time;
  }

  // -- insertions

  /** Whether the client has only complete events. */
  private get insertable(): boolean {
    const { reader } = this;
    return this.held === null ? reader.between : !this.exposed && !reader.inMark;
  }

  private insert(bytes: Buffer): void {
    const { reader } = this;
    if (reader.between && reader.afterCr) this.dropLf = true;
    if (reader.atStart && this.markDropped < 0) {
      reader.skipBom();
      this.markDropped = 0;
    }
    this.pass(bytes, 0, bytes.length);
  }

  /** Called when nothing was sent for the time of `sse_heartbeat`. */
  timedOut(): void {
    this.deadline = now() + this.options.settings.heartbeat;
    // Bytes that wait for a slow client keep its connection open, too.
    if (this.over || this.blocked || !this.insertable) return;
    if (this.options.tap.framesActive) this.startTap();
    this.heartbeats++;
    eventStreamCounts.heartbeats++;
    this.insert(HEARTBEAT);
  }

  // -- the end

  end(trailers: string): void {
    this.finish();
    if (this.held !== null) this.passHeld(this.held);
    this.next.end(trailers);
  }

  truncate(): void {
    this.finish();
    const { error } = this.options.settings;
    if (error !== null && this.insertable) {
      this.insert(errorEvent(error.of(this.x)));
      // As a complete response, because a client that fails may drop what it has not processed.
      this.next.end('');
      return;
    }
    if (this.held !== null) this.passHeld(this.held);
    this.next.truncate();
  }

  fail(status: number): void {
    this.finish();
    this.next.fail(status);
  }

  resume(): void {
    this.blocked = false;
    this.source.resume();
  }

  abort(): void {
    this.finish();
    this.held?.clear();
    this.source.abort();
  }

  release(): void {
    this.finish();
    this.held?.clear();
    this.next.release();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    unwatch(this);
    this.recovery?.cancel();
    this.setWaiting(false);
    if (!this.opened) return;
    openEventStreams.delete(this);
    eventStreamCounts.open--;
  }

  private setWaiting(waiting: boolean): void {
    if (waiting === this.waiting) return;
    this.waiting = waiting;
    eventStreamCounts.waiting += waiting ? 1 : -1;
  }

  // -- continuation

  /**
   * Called when the response has ended (`complete`) or failed. Returns whether the stream continues: then `requestAgain` is
   * called later, and `continues` or `attemptFailed` with its result.
   */
  interrupted(complete: boolean): boolean {
    const { recovery, reader, options, held } = this;
    if (recovery === null || this.over || !(complete ? options.idempotent : options.repeatable)) return false;
    const reason = this.obstacle();
    if (reason !== null) {
      logError(this.x, 'info', `event stream is not continued: ${reason}`);
      return false;
    }
    if (!this.schedule(recovery)) return false;
    held?.clear();
    this.hash?.take();
    reader.restart();
    reader.skipBom();
    this.markDropped = 0;
    this.dropLf = false;
    return true;
  }

  /** The reason why the stream cannot be continued; null if it can. */
  private obstacle(): string | null {
    const { reader, options } = this;
    if (this.exposed) return 'the upstream failed within an event that is longer than the buffer of "sse_reconnect"';
    if (reader.lastEventId === null) return 'the id of its last event is too long';
    if (reader.lastEventId === '' && reader.events > 0 && options.settings.reconnect?.withoutIds === false) {
      return 'its events have no ids';
    }
    return null;
  }

  private schedule(recovery: EventStreamRecovery): boolean {
    const scheduled = recovery.schedule(this.reader.retry, () => this.source.requestAgain());
    this.setWaiting(scheduled);
    if (!scheduled) logError(this.x, 'error', 'event stream is not continued: a limit of "sse_reconnect" was reached');
    return scheduled;
  }

  /** Called when a request for the continuation has failed. Returns whether another one follows. */
  attemptFailed(): boolean {
    return !this.over && this.recovery !== null && this.schedule(this.recovery);
  }

  /** Returns whether a response with this head continues the stream. */
  continues({ status, headers }: UpstreamHead): boolean {
    if (status !== 200 || !isEventStream(headers.valueOf(Field.ContentType) ?? null) || isEncoded(headers))
      return false;
    this.recovery?.connected();
    this.setWaiting(false);
    this.reconnects++;
    eventStreamCounts.reconnects++;
    const id = this.lastEventId;
    logError(this.x, 'info', `event stream continues${id === '' ? '' : ` after the event with the id "${id}"`}`);
    return true;
  }
}

/** Whether the content of a response is compressed, so that its events cannot be read. */
export function isEncoded(headers: HeaderBlock): boolean {
  const coding = headers.valueOf(Field.ContentEncoding)?.toLowerCase() ?? '';
  return coding !== '' && coding !== 'identity';
}

/** Event of the type `error`; each line of `text` is a line of its data. */
function errorEvent(text: string): Buffer {
  const lines = text.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return Buffer.from(`event: error\n${lines.join('')}\n`, 'latin1');
}
