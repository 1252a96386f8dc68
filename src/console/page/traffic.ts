/** Traffic data of the page: bounded logs, filled from the rows of the feed. */
import {
  type CloseRow,
  type DroppedRow,
  type EventRow,
  type FeedRow,
  type FrameRow,
  MAX_TOTALS_PER_SECOND,
  type OpenRow,
  type RequestRow,
  type ResponseRow,
  type SenderCounts,
  type StreamRow,
  type TunnelRow,
} from '../feed-format.js';
import { Messages } from './messages.js';
import { type Numbered, RowLog } from './row-log.js';
import { Recent } from './sparkline.js';

const MAX_REQUESTS = 20_000;
const MAX_TUNNELS = 50_000;
const MAX_FRAMES = 100_000;
/** Bytes of payloads that the page retains, of frames and of events. */
const MAX_PAYLOADS = 128 << 20;
/** Seconds of the rate of a tunnel. */
export const RATE_SECONDS = 60;

/** Rows that were dropped at this place. */
export interface Gap extends Numbered {
  readonly kind: 'gap';
  readonly row: DroppedRow;
}

export interface RequestEntry extends Numbered {
  readonly kind: 'request';
  readonly request: RequestRow;
  protocol: 'http' | 'websocket' | 'sse';
  response: ResponseRow | null;
  /** Its end may be among dropped rows. */
  lost: boolean;
}

export interface TunnelEntry extends Numbered {
  readonly kind: 'tunnel';
  open: OpenRow;
  received: SenderCounts;
  sent: SenderCounts;
  clientRoundTrip: number;
  upstreamRoundTrip: number;
  close: CloseRow | null;
  lost: boolean;
  /** Messages per second in both directions, and the time and number of messages at the last row about it. */
  readonly rate: Recent;
  countedAt: number;
  counted: number;
  /** Rate of the latest row while it counts; -1: none. */
  latest: number;
  /** Seconds since that row. */
  age: number;
}

export interface FrameEntry extends Numbered {
  readonly kind: 'frame';
  readonly row: FrameRow;
  /** ms since the previous frame of the tunnel; -1: it is the first one that was seen. */
  readonly gap: number;
}

/** The part of a request that identifies its event stream. */
export type StreamRequest = Pick<RequestRow, 'client' | 'host' | 'target'>;

export interface StreamEntry extends Numbered {
  readonly kind: 'stream';
  readonly id: string;
  request: StreamRequest | null;
  readonly since: number;
  stream: StreamRow | null;
  response: ResponseRow | null;
  lost: boolean;
  readonly rate: Recent;
  countedAt: number;
  counted: number;
  latest: number;
  age: number;
}

export interface EventEntry extends Numbered {
  readonly kind: 'event';
  readonly row: EventRow;
  readonly gap: number;
}

const NONE: SenderCounts = { messages: 0, frames: 0, bytes: 0 };
const payloadSize = (entry: FrameEntry | EventEntry | Gap): number =>
  entry.kind === 'gap' ? 100 : 200 + (entry.row.payload?.length ?? 0);

export class Traffic {
  readonly requests = new RowLog<RequestEntry | Gap>({ rows: MAX_REQUESTS, bytes: Infinity, sizeOf: () => 0 });
  readonly tunnels = new RowLog<TunnelEntry>({ rows: MAX_TUNNELS, bytes: Infinity, sizeOf: () => 0 });
  readonly streams = new RowLog<StreamEntry>({ rows: MAX_REQUESTS, bytes: Infinity, sizeOf: () => 0 });
  readonly frames = new RowLog<FrameEntry | Gap>({ rows: MAX_FRAMES, bytes: MAX_PAYLOADS, sizeOf: payloadSize });
  readonly events = new RowLog<EventEntry | Gap>({ rows: MAX_FRAMES, bytes: MAX_PAYLOADS, sizeOf: payloadSize });
  readonly messages = new Messages();
  private readonly requestById = new Map<string, RequestEntry>();
  private readonly tunnelById = new Map<string, TunnelEntry>();
  private readonly streamById = new Map<string, StreamEntry>();
  private readonly lastFrame = new Map<string, number>();
  /** Called for an entry that has changed. */
  onRequest: ((entry: RequestEntry) => void) | null = null;
  onTunnel: ((entry: TunnelEntry) => void) | null = null;
  onStream: ((entry: StreamEntry) => void) | null = null;
  /** Called for a new event stream whose request is not known. */
  onUnknownStream: ((entry: StreamEntry) => void) | null = null;
  /** Changes whenever an entry changes that a list may show already. */
  changes = 0;
  /** Rows that were dropped since the page was opened. */
  dropped = 0;
  /** Whether the page is subscribed to frames or to events; null: to neither. */
  watching: 'frames' | 'events' | null = null;

  request(id: string): RequestEntry | null {
    return this.requestById.get(id) ?? null;
  }

  tunnel(id: string): TunnelEntry | null {
    return this.tunnelById.get(id) ?? null;
  }

  stream(id: string): StreamEntry | null {
    return this.streamById.get(id) ?? null;
  }

  /** Clears frames and events, because the subscription changes. */
  clearFrames(): void {
    this.frames.clear();
    this.events.clear();
    this.messages.clear();
    this.lastFrame.clear();
  }

  add(row: FeedRow): void {
    switch (row.type) {
      case 'request':
        this.addRequest(row);
        break;
      case 'response':
        this.addResponse(row);
        break;
      case 'open':
        this.addOpen(row);
        break;
      case 'frame':
        this.frames.push({ kind: 'frame', seq: 0, row, gap: this.gap(row.id, row.time) });
        this.messages.add(row, this.frames.nextSeq);
        break;
      case 'message':
        this.messages.add(row, this.frames.nextSeq);
        break;
      case 'tunnel':
        this.addTotals(row);
        break;
      case 'close':
        this.addClose(row);
        break;
      case 'stream':
        this.addStream(row);
        break;
      case 'event':
        this.events.push({ kind: 'event', seq: 0, row, gap: this.gap(row.id, row.time) });
        break;
      case 'dropped':
        this.addDropped(row);
    }
  }

  private gap(id: string, time: number): number {
    const last = this.lastFrame.get(id);
    this.lastFrame.set(id, time);
    return last === undefined ? -1 : time - last;
  }

  private addRequest(request: RequestRow): void {
    const known = this.requestById.get(request.id);
    if (known !== undefined) return;
    const entry: RequestEntry = { kind: 'request', seq: 0, request, protocol: 'http', response: null, lost: false };
    if (this.requests.push(entry)) this.requestById.set(request.id, entry);
    if (this.requestById.size > 2 * MAX_REQUESTS) forgetOld(this.requestById, this.requests);
  }

  private addResponse(response: ResponseRow): void {
    const entry = this.requestById.get(response.id);
    if (entry !== undefined) {
      entry.response = response;
      entry.lost = false;
      this.changes++;
      this.onRequest?.(entry);
    }
    const stream = this.streamById.get(response.id);
    if (stream !== undefined) {
      stream.response = response;
      this.onStream?.(stream);
    }
  }

  private addOpen(open: OpenRow): void {
    const request = this.requestById.get(open.id);
    if (request !== undefined) request.protocol = 'websocket';
    const known = this.tunnelById.get(open.id);
    this.changes++;
    if (known !== undefined) {
      known.open = open;
      known.lost = false;
      return;
    }
    if (this.tunnels.length >= MAX_TUNNELS) this.retainOpenTunnels();
    const entry: TunnelEntry = {
      ...{ kind: 'tunnel', seq: 0, open, received: NONE, sent: NONE, clientRoundTrip: -1, upstreamRoundTrip: -1 },
      ...{
        close: null,
        lost: false,
        rate: new Recent(RATE_SECONDS),
        countedAt: open.time,
        counted: -1,
        latest: -1,
        age: 0,
      },
    };
    if (this.tunnels.push(entry)) this.tunnelById.set(open.id, entry);
  }

  private retainOpenTunnels(): void {
    this.tunnels.retain(({ close, lost }) => close === null && !lost);
    forgetOld(this.tunnelById, this.tunnels);
  }

  private addTotals(row: TunnelRow): void {
    const entry = this.tunnelById.get(row.id);
    if (entry === undefined) return;
    entry.received = row.received;
    entry.sent = row.sent;
    entry.clientRoundTrip = row.clientRoundTrip;
    entry.upstreamRoundTrip = row.upstreamRoundTrip;
    entry.lost = false;
    measure(entry, row.time, row.received.messages + row.sent.messages, 2 * this.totalsInterval);
    this.changes++;
  }

  /** Seconds between two totals of a busy WebSocket, if one worker has them all. */
  private get totalsInterval(): number {
    return Math.max(1, Math.ceil(this.tunnelById.size / MAX_TOTALS_PER_SECOND));
  }

  private addClose(row: CloseRow): void {
    this.messages.forget(row.id);
    this.lastFrame.delete(row.id);
    const entry = this.tunnelById.get(row.id);
    if (entry === undefined) return;
    entry.close = row;
    entry.received = row.received;
    entry.sent = row.sent;
    entry.lost = false;
    this.changes++;
    this.onTunnel?.(entry);
  }

  private addStream(row: StreamRow): void {
    let entry = this.streamById.get(row.id);
    if (entry === undefined) {
      const request = this.requestById.get(row.id);
      if (request !== undefined) request.protocol = 'sse';
      entry = {
        ...{ kind: 'stream', seq: 0, id: row.id, request: request?.request ?? null, stream: row, response: null },
        ...{
          since: request?.request.time ?? row.time,
          lost: false,
          rate: new Recent(RATE_SECONDS),
          latest: -1,
          age: 0,
        },
        ...{ countedAt: row.time, counted: -1 },
      };
      if (this.streams.push(entry)) this.streamById.set(row.id, entry);
      if (entry.request === null) this.onUnknownStream?.(entry);
      if (this.streamById.size > 2 * MAX_REQUESTS) forgetOld(this.streamById, this.streams);
    }
    entry.stream = row;
    entry.lost = false;
    measure(entry, row.time, row.events);
    this.changes++;
  }

  private addDropped(row: DroppedRow): void {
    this.dropped += row.count;
    this.requests.push({ kind: 'gap', seq: 0, row });
    if (this.watching === 'frames') this.frames.push({ kind: 'gap', seq: 0, row });
    if (this.watching === 'events') this.events.push({ kind: 'gap', seq: 0, row });
    if (this.watching === 'frames') this.messages.addGap(row);
    this.markLost();
  }

  /** Adds a row in place of those that did not fit while a list was paused. */
  addPaused(log: { push(row: Gap): boolean }, count: number): void {
    log.push({ kind: 'gap', seq: 0, row: { type: 'dropped', time: Date.now(), count } });
    this.dropped += count;
  }

  /** The ends of requests and tunnels that are open now may not be reported. */
  markLost(): void {
    for (const entry of this.requestById.values()) if (entry.response === null) entry.lost = true;
    for (const entry of this.tunnelById.values()) if (entry.close === null) entry.lost = true;
    for (const entry of this.streamById.values()) if (entry.response === null) entry.lost = true;
    this.changes++;
  }

  /** Called once per second: the rates of that second. */
  tick(): void {
    const { totalsInterval } = this;
    for (const entry of this.tunnelById.values()) if (entry.close === null) advance(entry, totalsInterval);
    for (const entry of this.streamById.values()) if (entry.response === null) advance(entry, 1);
    this.changes++;
  }
}

interface Measured {
  readonly rate: Recent;
  countedAt: number;
  counted: number;
  latest: number;
  age: number;
}

/** `longest`: seconds before a total in which it may have changed; earlier ones sent no total because nothing changed. */
function measure(entry: Measured, time: number, total: number, longest = 2): void {
  // The first total includes everything before the page was opened.
  const seconds = Math.max(0.2, (time - entry.countedAt) / 1000);
  if (entry.counted >= 0) {
    entry.latest = Math.max(0, Math.round((10 * (total - entry.counted)) / Math.min(seconds, longest)) / 10);
  }
  entry.counted = total;
  entry.countedAt = time;
  entry.age = 0;
}

/** `interval`: seconds until the next total, if there are changes. */
function advance(entry: Measured, interval: number): void {
  entry.rate.add(Math.max(0, entry.latest));
  entry.age++;
  if (entry.age >= interval) entry.latest = -1;
}

function forgetOld<T extends Numbered>(byId: Map<string, T>, log: RowLog<T> | RowLog<T | Gap>): void {
  for (const [id, entry] of byId) if (log.at(entry.seq) !== entry) byId.delete(id);
}
