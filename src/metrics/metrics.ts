/** The metrics of this process: one object for all tables, so that a reload does not interrupt counts. */
import type { MetricIncrease } from '../zones/metric-totals.js';
import { type Family, overflowLabels } from './family.js';
import { Counter, Histogram, type Series } from './series.js';

/** A count that another object keeps. */
interface Sampled {
  readonly counter: Counter;
  readonly read: () => number;
}

export class Metrics {
  /** Maximum number of series of a family. */
  limit = 1000;
  private readonly series = new Map<string, Series>();
  /** Numbers of series by family. */
  private readonly sizes = new Map<Family, number>();
  private readonly sampled = new Map<string, Sampled>();
  /** Number of tables that record. */
  tables = 0;
  /** Called before increases are taken. */
  private readonly collectors = new Set<() => void>();

  /** The counter with these labels; beyond the limit of series, one for all others. */
  counter(family: Family, labels: readonly string[] = []): Counter {
    return this.find(family, labels, Counter);
  }

  histogram(family: Family, labels: readonly string[]): Histogram {
    return this.find(family, labels, Histogram);
  }

  private find<S extends Series>(
    family: Family,
    labels: readonly string[],
    kind: new (family: Family, labels: readonly string[]) => S,
  ): S {
    const key = JSON.stringify([family.name, ...labels]);
    const known = this.series.get(key);
    if (known instanceof kind) return known;
    const size = this.sizes.get(family) ?? 0;
    const overflow = overflowLabels(family, labels);
    if (size >= this.limit && overflow.some((label, i) => label !== labels[i]))
      return this.find(family, overflow, kind);
    const series = new kind(family, labels);
    this.series.set(key, series);
    this.sizes.set(family, size + 1);
    return series;
  }

  /** Counts what `read` returns, which another object counts; a later call with the same labels replaces it. */
  sample(family: Family, labels: readonly string[], read: () => number): void {
    this.sampled.set(JSON.stringify([family.name, ...labels]), { counter: this.counter(family, labels), read });
  }

  /** Adds a function that records what has not been recorded yet. */
  collect(collector: () => void): void {
    this.collectors.add(collector);
  }

  forget(collector: () => void): void {
    this.collectors.delete(collector);
  }

  /** Increases of all series since the last call. */
  takeIncreases(): MetricIncrease[] {
    for (const collector of this.collectors) collector();
    for (const { counter, read } of this.sampled.values()) counter.value = read();
    const increases: MetricIncrease[] = [];
    for (const each of this.series.values()) {
      const values = each.takeIncrease();
      if (values === null) continue;
      const { family, labels } = each;
      increases.push({ family: family.name, labels, overflow: overflowLabels(family, labels), values });
    }
    return increases;
  }
}
