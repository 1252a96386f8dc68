/** The metrics of this process: one object for all tables, so that a reload does not interrupt counts. */
import type { MetricIncrease } from '../zones/metric-totals.js';
import { type Family, overflowLabels } from './family.js';
import { Counter, Histogram, type Series } from './series.js';

/** A count that is kept by another object. */
class Sample {
  private last = 0;

  constructor(
    readonly counter: Counter,
    readonly source: object,
    private readonly read: () => number,
    /** The last table that has registered the source. */
    public table: number,
  ) {}

  take(): void {
    const value = this.read();
    // The count was reset.
    this.counter.value += value < this.last ? value : value - this.last;
    this.last = value;
  }
}

export class Metrics {
  /** Maximum number of series of a family. */
  limit = 1000;
  private readonly series = new Map<string, Series>();
  /** Numbers of series by family. */
  private readonly sizes = new Map<Family, number>();
  private readonly samples = new Map<string, Sample>();
  /** Number of tables that record. */
  tables = 0;
  /** Number of the table that came into force last, from 1. */
  private table = 0;
  /** Called before increases are taken. */
  private readonly collectors = new Map<string, () => void>();

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

  /** Called when a table comes into force, before it registers its sources; returns its number. */
  beginTable(): number {
    return ++this.table;
  }

  /** Called when a table is no longer used: releases sources that no later table has registered, and so the table's objects. */
  endTable(table: number): void {
    for (const [key, sample] of this.samples) {
      if (sample.table !== table) continue;
      sample.take();
      this.samples.delete(key);
    }
  }

  /** Adds increases of the value of `read`, a count of `source`; a later call with the same labels replaces the source. */
  sample(family: Family, labels: readonly string[], source: object, read: () => number): void {
    const key = JSON.stringify([family.name, ...labels]);
    const before = this.samples.get(key);
    if (before?.source === source) {
      before.table = this.table;
      return;
    }
    before?.take();
    this.samples.set(key, new Sample(this.counter(family, labels), source, read, this.table));
  }

  /** Sets the function with that name, which records pending counts. */
  collect(name: string, collector: () => void): void {
    this.collectors.set(name, collector);
  }

  /** Increases of all series since the last call. */
  takeIncreases(): MetricIncrease[] {
    for (const collector of this.collectors.values()) collector();
    for (const sample of this.samples.values()) sample.take();
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
