/** OTLP over HTTP with the exporter of OpenTelemetry, which repeats failed requests. */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { ExporterSettings } from './exporter-settings.js';
import { ReadableSpans } from './readable-spans.js';
import type { EndedSpan } from './span.js';
import type { SpanSender } from './span-batches.js';

/** Timeout of a request with its repetitions, ms. */
const TIMEOUT = 10_000;
/** Path of the trace service if the endpoint has none. */
const PATH = '/v1/traces';

export class HttpSender implements SpanSender {
  private readonly exporter: OTLPTraceExporter;
  private readonly spans: ReadableSpans;

  constructor({ endpoint, secure, trustedCertificate, headers, resource, userAgent }: ExporterSettings) {
    this.spans = new ReadableSpans(resource);
    this.exporter = new OTLPTraceExporter({
      url: `${secure ? 'https' : 'http'}://${endpoint}${endpoint.includes('/') ? '' : PATH}`,
      headers: Object.fromEntries(headers),
      timeoutMillis: TIMEOUT,
      // The number of batches is limited by `SpanBatches`.
      concurrencyLimit: Number.MAX_SAFE_INTEGER,
      userAgent,
      ...(trustedCertificate !== null && { httpAgentOptions: { keepAlive: true, ca: trustedCertificate } }),
    });
  }

  send(spans: readonly EndedSpan[]): Promise<null> {
    return new Promise((resolve, reject) => {
      this.exporter.export(this.spans.of(spans), ({ error }) => {
        if (error === undefined) resolve(null);
        else reject(error);
      });
    });
  }

  /** The exporter offers no way to end its repetitions. */
  finish(): void {}

  close(): void {
    void this.exporter.shutdown().catch(() => {});
  }
}
