/** Writes an upstream request to a stream and supervises its timeouts. */
import type { HttpExchange } from '../exchange/exchange.js';
import type { UpstreamStream } from '../http/upstream-session.js';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import { awaitProgress, extendWithProgress } from '../net/send-timeout.js';
import type { UpstreamAttempt } from '../program/upstream-attempt.js';
import { withLastEventId } from './event-stream-recovery.js';
import type { ForwardingRules } from './forwarding-rules.js';
import { RequestSender, type SendingRequest } from './request-sender.js';

/** The request being written. */
export interface WriterOwner {
  /** Everything that is required before a peer is selected has been read. */
  prepared(): void;
  /** Time limit for the awaited event exceeded: the connection, progress of sending, or data of the response. */
  timedOut(): void;
  /** The body cannot be read completely, or the head cannot be built; the exchange ends with `status`. */
  bodyFailed(status: number): void;
}

export class RequestWriter implements SendingRequest, Timed {
  deadline = 0;
  deadlineIndex = -1;
  /** Whether the whole request was written. */
  complete = false;
  /** Whether reading the response is paused for a slow client. */
  paused = false;
  private stream: UpstreamStream | null = null;
  private attempt: UpstreamAttempt | null = null;
  /** `Last-Event-ID` of requests that continue an event stream; null for other requests. */
  lastEventId: string | null = null;
  /** Sends the body; null if there is none. */
  private sender: RequestSender | null = null;

  constructor(
    private readonly x: HttpExchange,
    private readonly rules: ForwardingRules,
    private readonly owner: WriterOwner,
  ) {}

  /** Reads what is required before a peer is selected, then calls `prepared`. */
  prepare(): void {
    const { owner } = this;
    this.sender = RequestSender.for(this.x, this.rules, this);
    if (this.sender === null) owner.prepared();
    else this.sender.prepare(() => owner.prepared());
  }

  /** Whether the body is forwarded as it arrives, so that the request cannot be repeated. */
  get streaming(): boolean {
    return this.sender?.streaming === true;
  }

  /** Begins an attempt: waits until the stream is ready. */
  attach(stream: UpstreamStream, attempt: UpstreamAttempt): void {
    watch(this);
    this.stream = stream;
    this.attempt = attempt;
    this.complete = false;
    this.paused = false;
    this.deadline = stream.ready ? 0 : now() + this.rules.settings.connectTimeout;
  }

  /** Ends the attempt. */
  detach(): void {
    this.count();
    unwatch(this);
    this.deadline = 0;
    this.stream = null;
  }

  /** Sends the request, or its available part. */
  send(): void {
    const { x, rules, sender, stream } = this;
    if (stream === null) return;
    const length = sender === null ? 0 : sender.length;
    let head = rules.requestHead(x, length, sender?.chunked === true);
    if (rules.editHead !== null) {
      const edited = rules.editHead(x, head);
      if (edited === null) {
        this.owner.bodyFailed(500);
        return;
      }
      head = edited;
    }
    if (this.lastEventId !== null) head = withLastEventId(head, this.lastEventId);
    if (x.record !== null && x.nested === null) x.record.upstreamRequest = head;
    stream.begin(head, sender?.chunked === true ? -1 : length, rules.asksHead(x), rules.settings.bufferSize);
    if (sender === null) {
      stream.end();
      this.sent();
    } else {
      sender.send(stream);
      if (!this.complete) this.await();
    }
    this.count();
  }

  private count(): void {
    if (this.attempt !== null && this.stream !== null) this.attempt.bytesSent = this.stream.bytesSent;
  }

  progressed(more: boolean): void {
    this.count();
    if (!more) this.waitToSend();
  }

  sent(): void {
    this.complete = true;
    this.await();
  }

  bodyFailed(status: number): void {
    this.owner.bodyFailed(status);
  }

  /** More of the request can be sent. */
  drained(): void {
    const { sender } = this;
    if (this.stream === null || this.complete || sender === null) return;
    this.deadline = 0;
    sender.drained();
    if (!this.complete) this.await();
  }

  // -- timeouts

  timedOut(): void {
    if (!this.extendSendTimeout()) this.owner.timedOut();
  }

  private waitToSend(): void {
    const { stream } = this;
    if (stream !== null) awaitProgress(this, stream, this.rules.settings.sendTimeout);
  }

  /** Extends the send timeout and returns true if the peer has read some data since it was set. */
  private extendSendTimeout(): boolean {
    const { stream } = this;
    if (stream === null || stream.pending === 0) return false;
    return extendWithProgress(this, stream, this.rules.settings.sendTimeout);
  }

  /** Sets the deadline of the awaited event: the peer reads, or sends. */
  private await(): void {
    const { stream } = this;
    if (stream === null || !stream.open) return;
    if (stream.pending === 0) {
      this.waitToRead();
      return;
    }
    this.waitToSend();
    stream.whenFlushed(() => {
      if (this.stream === stream && stream.open) this.waitToRead();
    });
  }

  /**
   * Starts the read timeout if the whole request was sent and reading is not paused. Before that, the client's timeouts
   * apply.
   */
  private waitToRead(): void {
    this.deadline = this.complete && !this.paused ? now() + this.rules.settings.readTimeout : 0;
  }

  /** The peer has sent data: restarts the read timeout if the whole request was sent. */
  received(): void {
    if (this.complete) this.waitToRead();
  }

  /** Reading the response is paused: no data is expected. */
  pause(): void {
    this.paused = true;
    if (this.complete) this.deadline = 0;
  }

  resume(): void {
    this.paused = false;
    this.received();
  }

  /** Releases unsent data. */
  release(): void {
    this.sender?.release();
  }
}
