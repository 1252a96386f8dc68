/** Recorder of the requests of one location: a handler of the phase `log`. */
import { httpExchange } from '../exchange/exchange.js';
import { callbackTime } from '../http/clock.js';
import { statusText } from '../http/status-text.js';
import type { Handler } from '../program/handler.js';
import type { LocationProgram } from '../program/program.js';
import { NEXT } from '../program/verdict.js';
import { INCOMPLETE, REQUEST_BYTES, REQUEST_DURATION, REQUESTS, RESPONSE_BYTES } from './families.js';
import type { Metrics } from './metrics.js';
import type { Counter, Histogram } from './series.js';

/** Series of a location; created by its first request. */
interface LocationSeries {
  readonly labels: readonly string[];
  readonly duration: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
  readonly incomplete: Counter;
}

/** Name of a location in labels: the pattern, with `= ` for an exact one; empty for the server's own level. */
export function locationLabel({ name, exact }: { readonly name: string; readonly exact?: boolean }): string {
  return exact === true ? `= ${name}` : name;
}

/** Label of a status: its number if it is a known one, otherwise its class, because a server may send any. */
export function codeLabel(status: number): string {
  if (status >= 100 && status < 600 && isKnown(status)) return String(status);
  return status >= 100 && status < 1000 ? `${Math.trunc(status / 100)}xx` : 'other';
}

function isKnown(status: number): boolean {
  // The status line of others has no reason after the code and a space.
  return OWN_STATUSES.has(status) || statusText(status).length > 4;
}

/** Statuses of nginx that are only logged. */
const OWN_STATUSES: ReadonlySet<number> = new Set([444, 494, 495, 496, 497, 499]);

export class RequestRecorder {
  private series: LocationSeries | null = null;
  /** By status. */
  private readonly codes: (Counter | undefined)[] = [];

  constructor(
    private readonly metrics: Metrics,
    private readonly program: LocationProgram,
  ) {}

  readonly record: Handler = (exchange) => {
    const x = httpExchange(exchange);
    if (x.nested !== null) return NEXT;
    const series = this.series ?? this.open(x.server.name);
    const status = x.errorStatus !== 0 ? x.errorStatus : x.response.status;
    const code = this.codes[status];
    if (code !== undefined) code.value++;
    else this.code(status, series).value++;
    if (x.tunnelled) return NEXT;
    const duration = callbackTime() - x.startTime;
    series.duration.observe(Math.max(0, duration));
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
    // Other statuses, which are rare, are looked up each time.
    if (status >= 0 && status < 600) this.codes[status] = counter;
    return counter;
  }
}
