/** Delay of the event loop of this process, measured only while it is requested. */
import type { IntervalHistogram } from 'node:perf_hooks';

/** ms between two measurements. */
const RESOLUTION = 20;
/** Length of a period, ms; all requests within it get the same values. */
const PERIOD = 900;
/** ms without a request after which measuring ends. */
const IDLE = 5000;
const NS = 1e6;

export interface Lag {
  /** ms */
  readonly p50: number;
  readonly max: number;
}

class EventLoopLag {
  private histogram: IntervalHistogram | null = null;
  private last: Lag | null = null;
  private readAt = 0;
  private timer: NodeJS.Timeout | null = null;

  /** The delays of the last period; null at first. */
  read(): Lag | null {
    const now = performance.now();
    if (this.timer === null) this.timer = setTimeout(() => this.stop(), IDLE).unref();
    else this.timer.refresh();
    if (this.histogram === null) {
      // Loaded on first use.
      const { monitorEventLoopDelay } = process.getBuiltinModule('node:perf_hooks');
      this.histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
      this.histogram.enable();
      this.readAt = now;
    } else if (now - this.readAt >= PERIOD) {
      const { histogram } = this;
      this.last = histogram.count === 0 ? null : { p50: lagOf(histogram.percentile(50)), max: lagOf(histogram.max) };
      histogram.reset();
      this.readAt = now;
    }
    return this.last;
  }

  private stop(): void {
    this.histogram?.disable();
    this.histogram = null;
    this.last = null;
    this.timer = null;
  }
}

/** The histogram contains the times between measurements, ns. */
function lagOf(interval: number): number {
  return Math.max(0, Math.round((interval / NS - RESOLUTION) * 10) / 10);
}

const lag = new EventLoopLag();

/** Delay of the event loop of this process. */
export function eventLoopLag(): Lag | null {
  return lag.read();
}
