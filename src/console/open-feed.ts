/** Opens a feed of the traffic of this process, with the totals of open WebSockets and event streams about once per second. */
import type { Tap } from '../tap/tap.js';
import type { Tunnels } from '../tunnel/tunnels.js';
import type { UpgradedExchange } from '../tunnel/upgraded.js';
import { type EventStream, openEventStreams } from '../upstream/event-stream.js';
import { MAX_TOTALS_PER_SECOND } from './feed-format.js';
import type { DeliverBatch, FeedSettings, FeedSubscription, RowSource } from './feed-settings.js';
import { RowFeed } from './row-feed.js';

/** Sources of the rows of other workers, by the tap of the process; none in a process without others. */
export const otherWorkers: WeakMap<Tap, RowSource> = new WeakMap();

/** ms between two rows about the totals of a WebSocket or event stream. */
const TOTALS_INTERVAL = 1000;
/** WebSockets are visited in slices, because thousands of rows at once would delay the others. ms between two slices. */
const SLICE_INTERVAL = 100;
/** Slices of an interval; the rest of it is a margin. */
const SLICES = 8;
/** WebSockets of a slice at most: with more of them, each is visited less often. */
const MAX_SLICE = (MAX_TOTALS_PER_SECOND * SLICE_INTERVAL) / 1000;

class Totals {
  /** Sums at the time of the last row. */
  private readonly tunnels = new WeakMap<UpgradedExchange, number>();
  private readonly streams = new WeakMap<EventStream, number>();
  /** The WebSockets that are visited next; null: all have been visited since `began`. */
  private rest: Iterator<UpgradedExchange> | null = null;
  private began = 0;
  private streamsWritten = 0;

  constructor(
    private readonly feed: RowFeed,
    private readonly tunnelsOf: () => Tunnels | null,
  ) {}

  /** Writes rows about all WebSockets and event streams that have changed. */
  writeAll(): void {
    const time = Date.now();
    if (this.feed.has('websocket')) for (const tunnel of this.tunnelsOf() ?? []) this.writeTunnel(tunnel, time);
    if (this.feed.has('sse')) this.writeStreams(time);
  }

  /** The same for the next slice. */
  writeSlice(): void {
    const time = Date.now();
    if (this.feed.has('websocket')) this.writeTunnels(time);
    if (!this.feed.has('sse') || time - this.streamsWritten < TOTALS_INTERVAL) return;
    this.streamsWritten = time;
    this.writeStreams(time);
  }

  private writeTunnels(time: number): void {
    const tunnels = this.tunnelsOf();
    if (tunnels === null) return;
    if (this.rest === null) {
      // The time may have been set back.
      if (Math.abs(time - this.began) < TOTALS_INTERVAL) return;
      this.began = time;
      this.rest = tunnels[Symbol.iterator]();
    }
    for (let left = Math.min(Math.ceil(tunnels.size / SLICES), MAX_SLICE); left > 0; left--) {
      const next = this.rest.next();
      if (next.done === true) {
        this.rest = null;
        return;
      }
      this.writeTunnel(next.value, time);
    }
  }

  private writeTunnel(tunnel: UpgradedExchange, time: number): void {
    const { stats } = tunnel;
    if (stats === null) return;
    const { fromClient, fromUpstream, clientRoundTrip, upstreamRoundTrip } = stats;
    const sum = fromClient.frames + fromUpstream.frames + clientRoundTrip / 1e4 + upstreamRoundTrip / 1e7;
    if (this.tunnels.get(tunnel) === sum) return;
    this.tunnels.set(tunnel, sum);
    const id = tunnel.tapId;
    this.feed.tunnel({ id, received: fromClient, sent: fromUpstream, clientRoundTrip, upstreamRoundTrip }, time);
  }

  private writeStreams(time: number): void {
    for (const stream of openEventStreams) {
      const sum = stream.length + stream.reconnects + stream.replays + (stream.isWaiting ? 0.5 : 0);
      if (this.streams.get(stream) === sum) continue;
      this.streams.set(stream, sum);
      this.feed.stream(stream, time);
    }
  }
}

/** `tunnels`: those of the process; null while it has no configuration. */
export function openFeed(
  tap: Tap,
  tunnels: () => Tunnels | null,
  settings: FeedSettings,
  deliver: DeliverBatch,
): FeedSubscription {
  const feed = new RowFeed(settings, deliver);
  const totals = new Totals(feed, tunnels);
  tap.add(feed);
  /** A viewer that subscribes to WebSockets first receives those that are open. */
  const greet = (): void => {
    for (const row of tunnels()?.openRows() ?? []) feed.add(row);
    totals.writeAll();
  };
  greet();
  const timer = setInterval(() => totals.writeSlice(), SLICE_INTERVAL);
  timer.unref();
  return {
    configure(next) {
      const isNew = next.kinds.includes('websocket') && !feed.has('websocket');
      tap.flush();
      feed.configure(next);
      tap.update();
      if (isNew) greet();
    },
    end() {
      clearInterval(timer);
      tap.remove(feed);
    },
  };
}
