/** Creates the sender of an exporter. Importing this module loads OpenTelemetry's packages. */
import type { ExporterSettings } from './exporter-settings.js';
import { GrpcSender } from './grpc-sender.js';
import { HttpSender } from './http-sender.js';
import type { SpanSender } from './span-batches.js';

export function openSender(settings: ExporterSettings): SpanSender {
  return settings.protocol === 'grpc' ? new GrpcSender(settings) : new HttpSender(settings);
}
