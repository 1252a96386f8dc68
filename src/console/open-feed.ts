/** Opens a feed of the traffic of this process, with the totals of open WebSockets and event streams once per second. */
import type { Tap } from '../tap/tap.js';
import type { Tunnels } from '../tunnel/tunnels.js';
import type { UpgradedExchange } from '../tunnel/upgraded.js';
import { type EventStream, openEventStreams } from '../upstream/event-stream.js';
import type { DeliverBatch, FeedSettings, FeedSubscription, RowSource } from './feed-settings.js';
import { RowFeed } from './row-feed.js';

/** Sources of the rows of other workers, by the tap of the process; none in a process without others. */
export const otherWorkers: WeakMap<Tap, RowSource> = new WeakMap();

/** ms between two rows about the totals of a WebSocket. */
const TOTALS_INTERVAL = 1000;

class Totals {
  /** Sums at the time of the last row. */
  private readonly tunnels = new WeakMap<UpgradedExchange, number>();
  private readonly streams = new WeakMap<EventStream, number>();

  constructor(
    private readonly feed: RowFeed,
    private readonly tunnelsOf: () => Tunnels | null,
  ) {}

  /** Writes rows about WebSockets and event streams that have changed. */
  write(): void {
    const time = Date.now();
    if (this.feed.has('websocket')) this.writeTunnels(time);
    if (this.feed.has('sse')) this.writeStreams(time);
  }

  private writeTunnels(time: number): void {
    for (const tunnel of this.tunnelsOf() ?? []) {
      const { stats } = tunnel;
      if (stats === null) continue;
      const { fromClient, fromUpstream, clientRoundTrip, upstreamRoundTrip } = stats;
      const sum = fromClient.frames + fromUpstream.frames + clientRoundTrip / 1e4 + upstreamRoundTrip / 1e7;
      if (this.tunnels.get(tunnel) === sum) continue;
      this.tunnels.set(tunnel, sum);
      const id = tunnel.tapId;
      this.feed.tunnel({ id, received: fromClient, sent: fromUpstream, clientRoundTrip, upstreamRoundTrip }, time);
    }
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
    totals.write();
  };
  greet();
  const timer = setInterval(() => totals.write(), TOTALS_INTERVAL);
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
