/** Exporter of a configuration: records the spans of requests that have ended. It is kept on a reload that does not change it. */

import { importOptional } from '../config/optional-package.js';
import { toText } from '../diagnostics/byte-string.js';
import type { HttpExchange } from '../exchange/exchange.js';
import type { ErrorLog } from '../logging/error-log.js';
import { logError } from '../program/error-context.js';
import { completeBeforeExit } from '../program/exit-work.js';
import type { ExporterSettings } from './exporter-settings.js';
import { requestSpans } from './request-spans.js';
import { TRACE } from './request-trace.js';
import { type BatchSettings, SpanBatches } from './span-batches.js';

/** Optional packages for the export of traces. */
export const TRACE_PACKAGES = [
  '@opentelemetry/api',
  '@opentelemetry/exporter-trace-otlp-proto',
  '@opentelemetry/otlp-transformer',
  '@opentelemetry/resources',
];

export class TraceExporter {
  private readonly batches: SpanBatches;
  private loading: Promise<void> | null = null;

  constructor(
    private readonly settings: ExporterSettings,
    batches: BatchSettings,
    log: ErrorLog,
  ) {
    this.batches = new SpanBatches(batches, log);
  }

  /** Loads the packages of OpenTelemetry. */
  load(): Promise<void> {
    this.loading ??= this.openSender();
    return this.loading;
  }

  private async openSender(): Promise<void> {
    const { openSender } = await importOptional('"otel_exporter"', TRACE_PACKAGES, () => import('./open-sender.js'));
    this.batches.sender = openSender(this.settings);
  }

  /** Records the request if it is sampled; once, although further log phases may follow (`post_action`). */
  record(x: HttpExchange): void {
    const trace = x.state(TRACE);
    if (trace?.sampled !== true || trace.recorded || x.nested !== null) return;
    trace.recorded = true;
    try {
      requestSpans(x, trace, (span) => this.batches.add(span));
    } catch (error) {
      logError(x, 'error', `OTel failed to add span: ${toText(String(error))}`);
    }
  }

  /** Sends what is left. Called when no configuration uses it any more. */
  close(): void {
    completeBeforeExit(this.batches.close());
  }
}
