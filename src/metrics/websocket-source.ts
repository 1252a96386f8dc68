/** Metrics of WebSockets. Tunnels count frames; increases are added when metrics are read, and when a WebSocket ends. */
import type { HttpExchange } from '../exchange/exchange.js';
import type { LocationProgram } from '../program/program.js';
import { tunnelsOf } from '../tunnel/tunnels.js';
import { WEBSOCKET_STATS, type WebSocketStats } from '../tunnel/websocket-stats.js';
import type { FrameCounts } from '../websocket/frame-counts.js';
import {
  TUNNELS,
  WEBSOCKET_BYTES,
  WEBSOCKET_CONTROL,
  WEBSOCKET_DURATION,
  WEBSOCKET_INVALID,
  WEBSOCKET_MESSAGES,
  WEBSOCKET_PINGS,
  WEBSOCKET_SIZE,
  WEBSOCKETS,
  WEBSOCKETS_CLOSED,
  WEBSOCKETS_OPENED,
} from './families.js';
import { locationLabel } from './labels.js';
import type { Metrics } from './metrics.js';
import type { Counter, Histogram } from './series.js';
import type { MetricRow, MetricSource } from './source.js';
import { USAGE, type UsageSeries } from './usage.js';

/** Series of the frames of one sender. */
interface SenderSeries {
  readonly messages: Counter;
  readonly bytes: Counter;
  readonly sizes: Histogram;
  readonly pings: Counter;
  readonly pongs: Counter;
  readonly closes: Counter;
  readonly invalid: Counter;
}

/** Counts of a sender that are included in the series: messages, bytes, pings, pongs, Close frames, invalid frames. */
type Taken = [number, number, number, number, number, number];

interface TakenCounts {
  readonly client: Taken;
  readonly upstream: Taken;
  /** Usage of the API key with which it was opened; null: it is not counted. */
  readonly usage: UsageSeries | null;
}

/** Recorder of the WebSockets of one location. */
class WebSocketRecorder {
  private readonly client: SenderSeries;
  private readonly upstream: SenderSeries;
  private readonly openings: Counter;
  private readonly durations: Histogram;
  private readonly roundTrips: { readonly client: Histogram; readonly upstream: Histogram };
  private readonly taken = new WeakMap<WebSocketStats, TakenCounts>();

  constructor(
    private readonly metrics: Metrics,
    private readonly labels: readonly string[],
  ) {
    const sender = (from: string): SenderSeries => ({
      messages: metrics.counter(WEBSOCKET_MESSAGES, [...labels, from]),
      bytes: metrics.counter(WEBSOCKET_BYTES, [...labels, from]),
      sizes: metrics.histogram(WEBSOCKET_SIZE, [...labels, from]),
      pings: metrics.counter(WEBSOCKET_CONTROL, [...labels, from, 'ping']),
      pongs: metrics.counter(WEBSOCKET_CONTROL, [...labels, from, 'pong']),
      closes: metrics.counter(WEBSOCKET_CONTROL, [...labels, from, 'close']),
      invalid: metrics.counter(WEBSOCKET_INVALID, [...labels, from]),
    });
    this.client = sender('client');
    this.upstream = sender('upstream');
    this.openings = metrics.counter(WEBSOCKETS_OPENED, labels);
    this.roundTrips = {
      client: metrics.histogram(WEBSOCKET_PINGS, [...labels, 'client']),
      upstream: metrics.histogram(WEBSOCKET_PINGS, [...labels, 'upstream']),
    };
    this.durations = metrics.histogram(WEBSOCKET_DURATION, labels);
  }

  opened(stats: WebSocketStats, usage: UsageSeries | null): void {
    const { fromClient, fromUpstream } = stats;
    this.openings.value++;
    if (usage !== null) this.begin(stats, usage);
    stats.roundTrips = this.roundTrips;
    fromClient.sizes = this.client.sizes;
    fromUpstream.sizes = this.upstream.sizes;
  }

  /** Adds the counts since the last call. */
  take(stats: WebSocketStats): void {
    const taken = this.taken.get(stats) ?? this.begin(stats, null);
    const { client, upstream, usage } = taken;
    const { fromClient, fromUpstream } = stats;
    if (usage !== null) {
      usage.fromClient.value += fromClient.messages - client[0];
      usage.fromUpstream.value += fromUpstream.messages - upstream[0];
    }
    takeSender(this.client, fromClient, stats.invalidFromClient, client);
    takeSender(this.upstream, fromUpstream, stats.invalidFromUpstream, upstream);
  }

  private begin(stats: WebSocketStats, usage: UsageSeries | null): TakenCounts {
    const taken: TakenCounts = { client: [0, 0, 0, 0, 0, 0], upstream: [0, 0, 0, 0, 0, 0], usage };
    this.taken.set(stats, taken);
    return taken;
  }

  ended(stats: WebSocketStats): void {
    this.take(stats);
    const { closedBy, closeCode, openedAt, endedAt } = stats;
    this.metrics.counter(WEBSOCKETS_CLOSED, [...this.labels, closedBy ?? 'proxy', closeLabel(closeCode)]).value++;
    this.durations.observe(Math.max(0, endedAt - openedAt));
  }
}

function takeSender(series: SenderSeries, counts: FrameCounts, invalid: number, taken: Taken): void {
  const { messages, messageBytes, pingFrames, pongFrames, closeFrames } = counts;
  series.messages.value += messages - taken[0];
  series.bytes.value += messageBytes - taken[1];
  series.pings.value += pingFrames - taken[2];
  series.pongs.value += pongFrames - taken[3];
  series.closes.value += closeFrames - taken[4];
  series.invalid.value += invalid - taken[5];
  taken[0] = messages;
  taken[1] = messageBytes;
  taken[2] = pingFrames;
  taken[3] = pongFrames;
  taken[4] = closeFrames;
  taken[5] = invalid;
}

/** Label of a close code: registered codes by number, the others by thousands, because clients choose them. */
function closeLabel(code: number): string {
  if (code >= 1000 && code <= 1015) return String(code);
  return code >= 2000 && code < 5000 ? `${Math.trunc(code / 1000)}xxx` : 'other';
}

/** Recorders of the WebSockets of a process, by location. */
class WebSocketRecorders {
  private readonly byLabels = new Map<string, WebSocketRecorder>();
  /** The recorder of each open WebSocket since its beginning: a reload may have moved it to another location. */
  private readonly recorders = new WeakMap<WebSocketStats, WebSocketRecorder>();

  constructor(private readonly metrics: Metrics) {}

  readonly opened = (x: HttpExchange, stats: WebSocketStats): void => {
    const recorder = this.of(x.server.name, x.location);
    this.recorders.set(stats, recorder);
    recorder.opened(stats, x.location.settings.get(USAGE)?.opened(x) ?? null);
  };

  readonly ended = (x: HttpExchange): void => {
    const stats = x.state(WEBSOCKET_STATS);
    if (stats !== undefined) this.recorderOf(stats, x.server.name, x.location).ended(stats);
  };

  /** Adds the counts of an open WebSocket. */
  take(stats: WebSocketStats, server: string, location: LocationProgram): void {
    this.recorderOf(stats, server, location).take(stats);
  }

  private recorderOf(stats: WebSocketStats, server: string, location: LocationProgram): WebSocketRecorder {
    let recorder = this.recorders.get(stats);
    if (recorder === undefined) this.recorders.set(stats, (recorder = this.of(server, location)));
    return recorder;
  }

  private of(server: string, location: LocationProgram): WebSocketRecorder {
    const labels = [server, locationLabel(location)];
    const key = JSON.stringify(labels);
    let recorder = this.byLabels.get(key);
    if (recorder === undefined) this.byLabels.set(key, (recorder = new WebSocketRecorder(this.metrics, labels)));
    return recorder;
  }
}

const RECORDERS = new WeakMap<Metrics, WebSocketRecorders>();

/** The recorders of a process. */
export function webSocketRecorders(metrics: Metrics): WebSocketRecorders {
  let recorders = RECORDERS.get(metrics);
  if (recorders === undefined) RECORDERS.set(metrics, (recorders = new WebSocketRecorders(metrics)));
  return recorders;
}

export const webSockets: MetricSource = {
  attach(shared, metrics) {
    const tunnels = tunnelsOf(shared);
    const recorders = webSocketRecorders(metrics);
    metrics.collect('websockets', () => {
      for (const { webSocket } of tunnels) {
        if (webSocket !== null) recorders.take(webSocket.stats, webSocket.server, webSocket.location);
      }
    });
  },
  gauges(shared) {
    const tunnels = tunnelsOf(shared);
    const open = new Map<string, { labels: readonly [string, string]; count: number }>();
    // Few locations have all WebSockets: their labels are determined once.
    const byLocation = new Map<LocationProgram, Map<string, { count: number }>>();
    for (const { webSocket } of tunnels) {
      if (webSocket === null) continue;
      const { location, server } = webSocket;
      let byServer = byLocation.get(location);
      if (byServer === undefined) byLocation.set(location, (byServer = new Map()));
      let known = byServer.get(server);
      if (known === undefined) {
        const labels = [server, locationLabel(location)] as const;
        const key = JSON.stringify(labels);
        const entry = open.get(key) ?? { labels, count: 0 };
        open.set(key, entry);
        byServer.set(server, (known = entry));
      }
      known.count++;
    }
    const rows: MetricRow[] = [[TUNNELS, tunnels.size]];
    for (const { labels, count } of open.values()) rows.push([WEBSOCKETS, count, ...labels]);
    return rows;
  },
};
