/** Metric families: a name with its type, labels and help, as Prometheus names them. */

export interface Family {
  /** Conventional name: base units, `_total` for counters. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of the buckets of a histogram, in the unit in which it is recorded; the last bucket has none. */
  readonly bounds: readonly number[];
  /** Factor from the unit in which it is recorded to the base unit. */
  readonly scale: number;
  /** Combination of the values of a gauge with the same labels in several workers. */
  readonly combine: 'sum' | 'min' | 'max';
}

/** Value of a label that stands for all values beyond the limit of series. */
export const OTHER = 'other';

/** Labels with a small, fixed set of values; series beyond the limit keep them. */
const CLOSED_LABELS: ReadonlySet<string> = new Set([
  'by',
  'code',
  'direction',
  'from',
  'kind',
  'le',
  'mode',
  'reason',
  'result',
  'side',
  'resumed',
  'state',
  'status',
  'version',
]);

export function counter(name: string, help: string, labels: readonly string[] = [], scale = 1): Family {
  return { name, type: 'counter', help, labels, bounds: [], scale, combine: 'sum' };
}

export function gauge(
  name: string,
  help: string,
  labels: readonly string[] = [],
  combine: Family['combine'] = 'sum',
): Family {
  return { name, type: 'gauge', help, labels, bounds: [], scale: 1, combine };
}

export function histogram(
  name: string,
  help: string,
  labels: readonly string[],
  { bounds, scale }: { readonly bounds: readonly number[]; readonly scale: number },
): Family {
  return { name, type: 'histogram', help, labels, bounds, scale, combine: 'sum' };
}

/** Labels of the series that counts everything beyond the limit. */
export function overflowLabels({ labels }: Family, values: readonly string[]): string[] {
  return labels.map((label, i) => (CLOSED_LABELS.has(label) ? (values[i] ?? '') : OTHER));
}

/** Buckets of times in ms, shown in seconds. */
export const TIMES = {
  bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000],
  scale: 1 / 1000,
} as const;

/** Buckets of lifetimes of connections and gaps of streams in ms, shown in seconds. */
export const LONG_TIMES = {
  bounds: [10, 100, 1000, 5000, 15_000, 30_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000],
  scale: 1 / 1000,
} as const;

/** Buckets of sizes in bytes. */
export const SIZES = {
  bounds: [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864],
  scale: 1,
} as const;
