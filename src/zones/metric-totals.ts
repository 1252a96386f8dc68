/**
 * Counters and histograms of all processes: the contents of a `metrics` zone. Processes add their counts since the
 * last report, so that totals never decrease when a process exits.
 */

/** Increase of a series. Plain data. */
export interface MetricIncrease {
  /** Name of the family. */
  readonly family: string;
  readonly labels: readonly string[];
  /** Labels of the series that counts everything beyond the limit. */
  readonly overflow: readonly string[];
  /** A counter has one value; a histogram its buckets and the sum. */
  readonly values: readonly number[];
}

/** A series with its values since the start. */
export type MetricTotal = Omit<MetricIncrease, 'overflow'>;

export class MetricTotals {
  private readonly series = new Map<string, { readonly total: MetricTotal; readonly values: number[] }>();
  /** Numbers of series by family. */
  private readonly sizes = new Map<string, number>();

  /** Adds increases. `limit`: maximum number of series of a family. */
  add(increases: readonly MetricIncrease[], limit: number): void {
    for (const { family, labels, overflow, values } of increases) {
      const known = this.series.get(keyOf(family, labels));
      const isFull = (this.sizes.get(family) ?? 0) >= limit;
      const { values: sums } = known ?? this.entry(family, isFull ? overflow : labels, values.length);
      for (const [i, value] of values.entries()) sums[i] = (sums[i] ?? 0) + value;
    }
  }

  /** All series, or those of some families. */
  read(families: readonly string[] | null): MetricTotal[] {
    const all = [...this.series.values()].map(({ total }) => total);
    return families === null ? all : all.filter(({ family }) => families.includes(family));
  }

  /** Adds the totals of another backend. */
  restore(totals: readonly MetricTotal[]): void {
    this.add(
      totals.map((total) => ({ ...total, overflow: total.labels })),
      Number.POSITIVE_INFINITY,
    );
  }

  private entry(family: string, labels: readonly string[], length: number): { readonly values: number[] } {
    const key = keyOf(family, labels);
    const known = this.series.get(key);
    if (known !== undefined) return known;
    const values = new Array<number>(length).fill(0);
    const entry = { total: { family, labels, values }, values };
    this.series.set(key, entry);
    this.sizes.set(family, (this.sizes.get(family) ?? 0) + 1);
    return entry;
  }
}

function keyOf(family: string, labels: readonly string[]): string {
  return JSON.stringify([family, ...labels]);
}
