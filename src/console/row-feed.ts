/**
 * The rows of one viewer in one process: selected, redacted, and written into one buffer as they are published. One batch at
 * a time is delivered; rows that do not fit into the buffer meanwhile are dropped and counted.
 */
import { neededSize, visibleMessage, visiblePayload } from '../tap/payload.js';
import type { PublishedEvent, PublishedFrame, PublishedMessage, PublishedRow } from '../tap/published-rows.js';
import { Redaction } from '../tap/redaction.js';
import type { RequestRow, ResponseRow } from '../tap/rows.js';
import type { FrameSelection, TapSink } from '../tap/tap.js';
import type { RowKind, SenderCounts } from './feed-format.js';
import type { DeliverBatch, FeedSettings } from './feed-settings.js';
import { RowWriter } from './row-writer.js';

/** ms for which rows are collected. */
const INTERVAL = 30;
/** Bytes of a batch, unless a single row is longer: one read of the channel between processes. */
const BATCH = 48 << 10;
/** Bytes that wait for a slow viewer: frames and events are dropped first, because lists depend on the other rows. */
const MAX_FRAMES = 1 << 20;
const MAX_QUEUED = 2 << 20;

const KINDS: Readonly<Record<PublishedRow['type'], RowKind>> = {
  request: 'http',
  response: 'http',
  open: 'websocket',
  frame: 'websocket',
  close: 'websocket',
  message: 'websocket',
  event: 'sse',
};

/** Figures of an open WebSocket or event stream, for the rows about its totals. */
export interface TunnelTotals {
  readonly id: string;
  readonly received: SenderCounts;
  readonly sent: SenderCounts;
  readonly clientRoundTrip: number;
  readonly upstreamRoundTrip: number;
}

export interface StreamTotals {
  readonly tapId: string;
  readonly events: number;
  readonly length: number;
  readonly reconnects: number;
  readonly replays: number;
  readonly heartbeats: number;
  readonly isWaiting: boolean;
}

export class RowFeed implements TapSink {
  frames: FrameSelection = 'none';
  readonly withRecords = true;
  private redaction: Redaction;
  private kinds: Readonly<Record<RowKind, boolean>> = { http: false, websocket: false, sse: false };
  private readonly writer = new RowWriter();
  /** Rows dropped since the last row that was written. */
  private dropped = 0;
  /** Time of its beginning, ms since 1970. */
  private readonly since = Date.now();
  private timer: NodeJS.Timeout | null = null;
  private delivering = false;
  private closed = false;

  constructor(
    private settings: FeedSettings,
    private readonly deliver: DeliverBatch,
  ) {
    this.redaction = new Redaction(settings.redaction);
    this.configure(settings);
  }

  /** Applies new settings; the caller then updates the tap. */
  configure(settings: FeedSettings): void {
    this.settings = settings;
    this.redaction = new Redaction(settings.redaction);
    const { frames, kinds } = settings;
    this.kinds = { http: kinds.includes('http'), websocket: kinds.includes('websocket'), sse: kinds.includes('sse') };
    if (!this.kinds.websocket && !this.kinds.sse) this.frames = 'none';
    else this.frames = typeof frames === 'string' ? frames : new Set(frames);
  }

  get payloadSize(): number {
    return neededSize(this.redaction, this.settings.payload);
  }

  get withMessages(): boolean {
    return this.frames !== 'none' && this.settings.payload > 0;
  }

  has(kind: RowKind): boolean {
    return this.kinds[kind];
  }

  add(row: PublishedRow): void {
    if (row.type === 'frame') {
      this.addFrame(row);
      return;
    }
    if (this.closed || !this.kinds[KINDS[row.type]]) return;
    const isPart = row.type === 'event' || row.type === 'message';
    if (isPart && !this.wants(row.id)) return;
    if (!this.begin(row.time, isPart ? MAX_FRAMES : MAX_QUEUED)) return;
    const { writer } = this;
    try {
      // A viewer that connected during a request has not received its head.
      if (row.type === 'response' && row.time - row.duration <= this.since) {
        this.writeRequest(row);
        writer.end();
      }
      this.write(row);
      writer.end();
    } catch {
      // A failure of the console must not affect the traffic.
      writer.cancel();
      this.dropped++;
    }
  }

  private addFrame(row: PublishedFrame): void {
    if (this.closed || !this.kinds.websocket || !this.wants(row.id) || !this.begin(row.time, MAX_FRAMES)) return;
    const { writer } = this;
    try {
      const { id, time, from, opcode, fin, rsv, compressed, mask, length } = row;
      writer.frame(id, time, from === 'client', (fin ? 0x80 : 0) | (rsv << 4) | opcode, compressed, mask, length);
      this.payload(row);
      writer.end();
    } catch {
      writer.cancel();
      this.dropped++;
    }
  }

  private wants(id: string): boolean {
    const { frames } = this;
    return typeof frames === 'string' ? frames === 'all' : frames.has(id);
  }

  /** Returns whether a row may be written. */
  private begin(time: number, limit: number): boolean {
    this.schedule();
    const { writer } = this;
    if (writer.length >= limit) {
      this.dropped++;
      return false;
    }
    if (this.dropped > 0) {
      writer.dropped(time, this.dropped);
      this.dropped = 0;
    }
    return true;
  }

  private write(row: Exclude<PublishedRow, PublishedFrame>): void {
    const { writer, redaction } = this;
    if (row.type === 'request') {
      this.writeRequest(row);
      return;
    }
    writer.row(row.type, row.id, row.time);
    switch (row.type) {
      case 'response':
        writer.uint16(row.status);
        writer.byte(row.completed ? 1 : 0);
        writer.text(row.server);
        writer.text(row.location);
        writer.number(row.received);
        writer.number(row.bytes);
        writer.number(row.duration);
        writer.tries(row.tries);
        return;
      case 'open':
        writer.byte(row.secure ? 1 : 0);
        writer.text(row.client);
        writer.text(redaction.text(row.host));
        writer.text(redaction.target(row.target));
        writer.text(row.location);
        writer.text(row.upstream);
        writer.number(row.generation);
        writer.number(row.openedAt);
        writer.text(redaction.text(row.protocol));
        writer.text(redaction.text(row.extensions));
        return;
      case 'close':
        writer.side(row.by);
        writer.uint16(row.code);
        writer.text(redaction.text(row.reason));
        writer.number(row.duration);
        writer.counts(row.received);
        writer.counts(row.sent);
        return;
      case 'message':
        writer.side(row.from);
        writer.byte(row.opcode);
        writer.number(row.length);
        this.payload(row);
        return;
      case 'event':
        writer.number(row.length);
        this.payload(row);
    }
  }

  private writeRequest(row: RequestRow | ResponseRow): void {
    const { writer, redaction } = this;
    writer.row('request', row.id, row.type === 'request' ? row.time : row.time - row.duration);
    writer.byte(row.secure ? 1 : 0);
    writer.text(row.client);
    writer.text(redaction.text(row.host));
    writer.text(row.method);
    writer.text(redaction.target(row.target));
    writer.number(row.generation);
  }

  private payload(row: PublishedFrame | PublishedEvent | PublishedMessage): void {
    const { writer } = this;
    const limit = this.settings.payload;
    if (limit === 0) {
      writer.withheld('hidden');
      return;
    }
    const { redaction } = this;
    if (row.type === 'frame' && !redaction.ofPayloads) {
      writer.payload(row.payload, Math.min(limit, row.size));
      return;
    }
    const payload = row.type === 'message' ? visibleMessage(redaction, row) : visiblePayload(redaction, row);
    if (typeof payload === 'string') writer.withheld(payload);
    else writer.payload(payload, Math.min(limit, payload.length));
  }

  tunnel({ id, received, sent, clientRoundTrip, upstreamRoundTrip }: TunnelTotals, time: number): void {
    if (this.closed || !this.begin(time, MAX_QUEUED)) return;
    const { writer } = this;
    writer.row('tunnel', id, time);
    writer.counts(received);
    writer.counts(sent);
    writer.number(clientRoundTrip);
    writer.number(upstreamRoundTrip);
    writer.end();
  }

  stream(stream: StreamTotals, time: number): void {
    if (this.closed || !this.begin(time, MAX_QUEUED)) return;
    const { writer } = this;
    writer.row('stream', stream.tapId, time);
    for (const key of ['events', 'length', 'reconnects', 'replays', 'heartbeats'] as const) writer.number(stream[key]);
    writer.byte(stream.isWaiting ? 1 : 0);
    writer.end();
  }

  private schedule(): void {
    if (this.timer !== null || this.delivering) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.flush();
    }, INTERVAL);
  }

  private flush(): void {
    if (this.closed || this.delivering) return;
    const { writer } = this;
    if (writer.length === 0 && this.dropped > 0) {
      writer.dropped(Date.now(), this.dropped);
      this.dropped = 0;
    }
    if (writer.length === 0) return;
    this.delivering = true;
    const full = writer.length > BATCH;
    const next = (): void => {
      this.delivering = false;
      if (full) this.flush();
      else if (writer.length > 0 || this.dropped > 0) this.schedule();
    };
    this.deliver(writer.take(BATCH)).then(next, next);
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.writer.clear();
  }
}
