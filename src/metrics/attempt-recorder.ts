/** Recorders of the attempts with the servers of an upstream. */
import type { UpstreamAttempt } from '../program/upstream-attempt.js';
import type { AttemptRecorder, UpstreamRecorder } from '../upstream/attempt-recorder.js';
import {
  PEER_FAILS,
  UPSTREAM_CONNECT,
  UPSTREAM_HEADER,
  UPSTREAM_RECEIVED,
  UPSTREAM_REQUESTS,
  UPSTREAM_RESPONSE,
  UPSTREAM_SENT,
} from './families.js';
import { OTHER } from './family.js';
import { codeLabel } from './labels.js';
import type { Metrics } from './metrics.js';
import type { Counter, Histogram } from './series.js';

class PeerRecorder implements AttemptRecorder {
  /** By status; 0: no response. */
  private readonly codes: (Counter | undefined)[] = [];
  private readonly connect: Histogram;
  private readonly header: Histogram;
  private readonly response: Histogram;
  private readonly fails: Counter;
  private readonly sent: Counter;
  private readonly received: Counter;

  constructor(
    private readonly metrics: Metrics,
    private readonly labels: readonly string[],
  ) {
    this.connect = metrics.histogram(UPSTREAM_CONNECT, labels);
    this.header = metrics.histogram(UPSTREAM_HEADER, labels);
    this.response = metrics.histogram(UPSTREAM_RESPONSE, labels);
    this.fails = metrics.counter(PEER_FAILS, labels);
    this.sent = metrics.counter(UPSTREAM_SENT, labels);
    this.received = metrics.counter(UPSTREAM_RECEIVED, labels);
  }

  ended({ status, connectTime, headerTime, responseTime, bytesSent, bytesReceived }: UpstreamAttempt): void {
    const code = headerTime < 0 ? 0 : status;
    (this.codes[code] ?? this.code(code)).value++;
    this.sent.value += bytesSent;
    this.received.value += bytesReceived;
    // 0: the connection was reused.
    if (connectTime > 0) this.connect.observe(connectTime);
    if (headerTime < 0) return;
    this.header.observe(headerTime);
    if (responseTime >= 0) this.response.observe(responseTime);
  }

  failed(): void {
    this.fails.value++;
  }

  transferred(sent: number, received: number): void {
    this.sent.value += sent;
    this.received.value += received;
  }

  private code(status: number): Counter {
    const counter = this.metrics.counter(UPSTREAM_REQUESTS, [
      ...this.labels,
      status === 0 ? 'none' : codeLabel(status),
    ]);
    if (status >= 0 && status < 600) this.codes[status] = counter;
    return counter;
  }
}

/** Recorder of the attempts with the peers of an upstream. */
export function upstreamRecorder(metrics: Metrics, upstream: string): UpstreamRecorder {
  return { peer: (name) => new PeerRecorder(metrics, [upstream, name]) };
}

/** Recorder of all upstreams whose hosts are determined by each request. */
export function runTimeRecorder(metrics: Metrics): UpstreamRecorder {
  let recorder: PeerRecorder | null = null;
  return { peer: () => (recorder ??= new PeerRecorder(metrics, [OTHER, OTHER])) };
}
