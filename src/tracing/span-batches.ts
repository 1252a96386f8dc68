/** Batches of spans: one that is being filled, and those that are being sent. Requests never wait for them. */
import type { ErrorLog } from '../logging/error-log.js';
import type { EndedSpan } from './span.js';

/** Sends batches to a collector. */
export interface SpanSender {
  /** Returns the spans that the collector has rejected, with the reason. Rejects with an error whose message is logged. */
  send(spans: readonly EndedSpan[]): Promise<Rejection | null>;
  /** Called when no batches follow: failed batches are no longer sent again. */
  finish(): void;
  /** Closes connections; called when nothing is being sent. */
  close(): void;
}

export interface Rejection {
  readonly spans: number;
  readonly reason: string;
}

export interface BatchSettings {
  /** ms between two batches, if spans have ended. */
  readonly interval: number;
  /** Spans of a batch. */
  readonly batchSize: number;
  /** Number of batches, of which one is being filled. */
  readonly batchCount: number;
}

/** ms between two log lines about lost spans. */
const LOG_INTERVAL = 1000;

export class SpanBatches {
  /** Set before the first span is added. */
  sender: SpanSender | null = null;
  private current: EndedSpan[] | null = null;
  private readonly sending = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | null = null;
  private closed = false;
  /** Total number of spans that did not fit. */
  private dropped = 0;
  private droppedReported = 0;
  private droppedLogged = 0;
  /** Spans of batches that could not be sent, since the last log line about them, and the last reason. */
  private lost = 0;
  private reason = '';
  private failureLogged = 0;

  constructor(
    private readonly settings: BatchSettings,
    private readonly log: ErrorLog,
  ) {}

  add(span: EndedSpan): void {
    const { batchSize, batchCount, interval } = this.settings;
    if (this.current === null) {
      if (this.sending.size >= batchCount || this.closed) {
        this.drop();
        return;
      }
      this.current = [];
    }
    this.current.push(span);
    if (this.current.length >= batchSize) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), interval).unref();
  }

  /** As in nginx, one line per second with the total. */
  private drop(): void {
    this.dropped++;
    if (Date.now() - this.droppedLogged >= LOG_INTERVAL) this.reportDropped();
  }

  private reportDropped(): void {
    if (this.dropped === this.droppedReported) return;
    this.droppedReported = this.dropped;
    this.droppedLogged = Date.now();
    this.log.write('notice', `OTel dropped records: ${this.dropped}`);
  }

  private flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { current, sender } = this;
    if (current === null || sender === null) return;
    this.current = null;
    const sent = this.send(current, sender);
    this.sending.add(sent);
    void sent.then(() => this.sending.delete(sent));
  }

  private async send(spans: readonly EndedSpan[], sender: SpanSender): Promise<void> {
    try {
      const rejection = await sender.send(spans);
      if (rejection !== null) this.fail(rejection.reason, rejection.spans);
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error), spans.length);
    }
  }

  private fail(reason: string, spans: number): void {
    this.lost += spans;
    this.reason = reason;
    if (Date.now() - this.failureLogged >= LOG_INTERVAL) this.reportLost();
  }

  private reportLost(): void {
    if (this.lost === 0) return;
    this.failureLogged = Date.now();
    this.log.write('error', `OTel export failure: ${this.reason}, ${this.lost} spans are lost`);
    this.lost = 0;
  }

  /** Sends the remaining spans; resolves when no batch is being sent. */
  async close(): Promise<void> {
    this.flush();
    this.closed = true;
    this.sender?.finish();
    await Promise.all(this.sending);
    this.reportDropped();
    this.reportLost();
    this.sender?.close();
  }
}
