/**
 * The rows of one subscriber: selected, redacted and queued. One batch at a time is delivered; rows published meanwhile
 * are queued, and those that do not fit into the queue are dropped and counted.
 */
import { toText } from '../diagnostics/byte-string.js';
import { neededSize, visiblePayload } from './payload.js';
import type { PublishedEvent, PublishedFrame, PublishedMessage, PublishedRow } from './published-rows.js';
import { Redaction } from './redaction.js';
import type { FieldLine, Payload, TapKind, TapRow } from './rows.js';
import type { TapSettings } from './settings.js';
import type { FrameSelection, TapSink } from './tap.js';

/** Bytes that wait for a subscriber, approximately. */
const MAX_QUEUED = 1 << 20;
/** Bytes of a batch, approximately: one read of the channel between processes. */
const BATCH = 48 << 10;
/** Bytes of a row without its texts, approximately. */
const ROW = 200;

const KINDS: Readonly<Record<GivenRow['type'], TapKind>> = {
  request: 'http',
  response: 'http',
  open: 'websocket',
  frame: 'websocket',
  close: 'websocket',
  event: 'sse',
};

/** Rows that are given. */
type GivenRow = Exclude<PublishedRow, PublishedMessage>;

/** Receives rows; the next batch follows when the promise has settled. */
export type Deliver = (rows: readonly TapRow[]) => Promise<unknown>;

export interface TapSubscriber {
  readonly settings: TapSettings;
  readonly deliver: Deliver;
}

export class TapFeed implements TapSink {
  readonly frames: FrameSelection = 'all';
  readonly withRecords = false;
  readonly withMessages = false;
  private readonly redaction: Redaction;
  private rows: TapRow[] = [];
  /** Approximate sizes of these rows, and their sum. */
  private sizes: number[] = [];
  private queued = 0;
  /** Rows dropped since the last row that was queued. */
  private dropped = 0;
  private scheduled = false;
  private delivering = false;
  private closed = false;

  constructor(
    private readonly settings: TapSettings,
    private readonly deliver: Deliver,
  ) {
    this.redaction = new Redaction(settings.redaction);
  }

  /** Bytes of a payload that the subscriber needs. */
  get payloadSize(): number {
    return neededSize(this.redaction, this.settings.payload);
  }

  add(row: PublishedRow): void {
    if (this.closed || row.type === 'message' || !this.settings.kinds.includes(KINDS[row.type])) return;
    if (this.rows.length >= this.settings.queue || this.queued >= MAX_QUEUED) {
      this.dropped++;
      return;
    }
    let rendered: TapRow;
    try {
      rendered = this.rendered(row);
    } catch {
      // A failure of the tap must not affect the traffic.
      this.dropped++;
      this.schedule();
      return;
    }
    this.reportDropped(row.time);
    this.push(rendered);
    this.schedule();
  }

  private push(row: TapRow): void {
    const size = sizeOf(row);
    this.rows.push(row);
    this.sizes.push(size);
    this.queued += size;
  }

  private reportDropped(time: number): void {
    if (this.dropped === 0) return;
    this.push({ type: 'dropped', count: this.dropped, time });
    this.dropped = 0;
  }

  /** Rows of one turn of the event loop are delivered together. */
  private schedule(): void {
    if (this.scheduled || this.delivering) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.closed || this.delivering) return;
    if (this.rows.length === 0) this.reportDropped(Date.now());
    if (this.rows.length === 0) return;
    let count = 0;
    let size = 0;
    while (count < this.rows.length && (count === 0 || size + (this.sizes[count] ?? 0) <= BATCH)) {
      size += this.sizes[count] ?? 0;
      count++;
    }
    const batch = this.rows.splice(0, count);
    this.sizes.splice(0, count);
    this.queued -= size;
    this.delivering = true;
    const next = (): void => {
      this.delivering = false;
      if (this.rows.length > 0 || this.dropped > 0) this.schedule();
    };
    this.deliver(batch).then(next, next);
  }

  close(): void {
    this.closed = true;
    this.rows = [];
    this.sizes = [];
  }

  private rendered(row: GivenRow): TapRow {
    const { redaction } = this;
    switch (row.type) {
      case 'request':
        return {
          ...row,
          host: toText(redaction.text(row.host)),
          method: toText(row.method),
          target: toText(redaction.target(row.target)),
          headers: this.headers(row.headers),
        };
      case 'response':
        return {
          ...row,
          host: toText(redaction.text(row.host)),
          method: toText(row.method),
          target: toText(redaction.target(row.target)),
          server: toText(row.server),
          location: toText(row.location),
          headers: this.headers(row.headers),
        };
      case 'open':
        return {
          ...row,
          host: toText(redaction.text(row.host)),
          target: toText(redaction.target(row.target)),
          location: toText(row.location),
          protocol: toText(redaction.text(row.protocol)),
          extensions: toText(redaction.text(row.extensions)),
        };
      case 'close':
        return { ...row, reason: toText(redaction.text(row.reason)) };
      case 'frame':
      case 'event':
        return { ...row, ...this.payload(row) };
    }
  }

  private headers(lines: readonly FieldLine[]): FieldLine[] {
    return this.redaction.headers(lines).map(([name, value]) => [toText(name), toText(value)]);
  }

  private payload(row: PublishedFrame | PublishedEvent): Payload {
    const { length } = row;
    const limit = this.settings.payload;
    if (limit === 0) return { length, payload: new Uint8Array(), withheld: null };
    const payload = visiblePayload(this.redaction, row);
    if (typeof payload === 'string') return { length, payload: null, withheld: payload };
    return { length, payload: copyOf(payload, limit), withheld: null };
  }
}

/** A copy, as a buffer may be a part of a larger one. */
function copyOf(bytes: Buffer, limit: number): Uint8Array {
  return new Uint8Array(bytes.subarray(0, limit));
}

function sizeOf(row: TapRow): number {
  let size = ROW;
  if ('payload' in row && row.payload !== null) size += row.payload.length;
  if ('headers' in row) for (const [name, value] of row.headers) size += name.length + value.length;
  if ('target' in row) size += row.target.length;
  return size;
}
