/** Recorder of the requests of one location: a handler of the phase `log`. */
import { httpExchange } from '../exchange/exchange.js';
import { epochTime } from '../http/clock.js';
import { isEventStream } from '../http/event-reader.js';
import type { Handler } from '../program/handler.js';
import type { LocationProgram } from '../program/program.js';
import { NEXT } from '../program/verdict.js';
import { INCOMPLETE, REQUEST_BYTES, REQUEST_DURATION, REQUESTS, RESPONSE_BYTES } from './families.js';
import { codeLabel, locationLabel } from './labels.js';
import type { Metrics } from './metrics.js';
import type { Counter, Histogram } from './series.js';
import { USAGE, type UsageRecorder } from './usage.js';

/** Series of a location; created by its first request. */
interface LocationSeries {
  readonly labels: readonly string[];
  readonly duration: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
  readonly incomplete: Counter;
}

export class RequestRecorder {
  private series: LocationSeries | null = null;
  private readonly usage: UsageRecorder | null;
  /** By status. */
  private readonly codes: (Counter | undefined)[] = [];

  constructor(
    private readonly metrics: Metrics,
    private readonly program: LocationProgram,
  ) {
    this.usage = program.settings.get(USAGE);
  }

  readonly record: Handler = (exchange) => {
    const x = httpExchange(exchange);
    if (x.nested !== null) return NEXT;
    const series = this.series ?? this.open(x.server.name);
    const status = x.errorStatus !== 0 ? x.errorStatus : x.response.status;
    const code = this.codes[status];
    if (code !== undefined) code.value++;
    else this.code(status, series).value++;
    if (this.usage !== null) this.usage.record(x);
    if (x.tunnelled) return NEXT;
    // The duration of event streams is up to the clients: including them would distort the quantiles of other requests.
    if (!isEventStream(x.response.contentType)) {
      // Not the time of the callback, which would schedule a microtask for each response of an upstream.
      series.duration.observe(Math.max(0, epochTime() - x.startTime));
    }
    series.requestBytes.observe(x.client.requestLength);
    series.responseBytes.observe(x.client.bytesSent);
    if (!x.completed) series.incomplete.value++;
    return NEXT;
  };

  private open(server: string): LocationSeries {
    const { metrics } = this;
    const labels = [server, locationLabel(this.program)];
    this.series = {
      labels,
      duration: metrics.histogram(REQUEST_DURATION, labels),
      requestBytes: metrics.histogram(REQUEST_BYTES, labels),
      responseBytes: metrics.histogram(RESPONSE_BYTES, labels),
      incomplete: metrics.counter(INCOMPLETE, labels),
    };
    return this.series;
  }

  private code(status: number, { labels }: LocationSeries): Counter {
    const counter = this.metrics.counter(REQUESTS, [...labels, codeLabel(status)]);
    // Other statuses are rare, and looked up each time.
    if (status >= 0 && status < 600) this.codes[status] = counter;
    return counter;
  }
}
