/** Metrics as Prometheus text and OpenMetrics, rendered by prom-client. */
import type { Metric, RegistryContentType } from 'prom-client';
import { toText } from '../diagnostics/byte-string.js';
import type { MetricTotal } from '../zones/metric-totals.js';
import { FAMILIES } from './families.js';
import type { Family } from './family.js';
import type { CollectedMetrics } from './recording.js';
import type { GaugeValue } from './series.js';

type PromClient = typeof import('prom-client');

let client: PromClient | null = null;

/** Loads the package; called when a table that uses it is compiled. */
export async function loadPromClient(): Promise<void> {
  if (client !== null) return;
  const loaded = await import('prom-client');
  client = loaded.default ?? loaded;
}

/** A sample as prom-client renders it. */
interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Content types of the two formats. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

export async function expose({ totals, gauges }: CollectedMetrics, openMetrics: boolean): Promise<Exposition> {
  if (client === null) throw new Error('prom-client is not loaded');
  const { Registry } = client;
  const registry = new Registry<RegistryContentType>();
  if (openMetrics) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const byFamily = grouped(totals);
  const present = grouped(gauges);
  for (const family of FAMILIES) {
    const values =
      family.type === 'gauge'
        ? combined(family, present.get(family.name) ?? []).map(({ labels, value }) => ({
            labels: labelsOf(family, labels),
            value,
          }))
        : (byFamily.get(family.name) ?? []).flatMap((total) => samplesOf(family, total));
    if (values.length === 0) continue;
    // In OpenMetrics, prom-client appends the suffix of counters.
    const name = openMetrics && family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name;
    const { help, type } = family;
    // The part of a metric that prom-client needs to render it.
    const metric = { name, help, type, get: () => ({ name, help, type, values }) };
    registry.registerMetric(metric as unknown as Metric);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** Samples of a counter or histogram. */
function samplesOf(family: Family, { labels: values, values: counts }: MetricTotal): Sample[] {
  const labels = labelsOf(family, values);
  const { name, bounds, scale } = family;
  if (family.type === 'counter') return [{ labels, value: (counts[0] ?? 0) * scale }];
  let count = 0;
  const buckets = [...bounds.map((bound) => String(bound * scale)), '+Inf'].map((le, i) => {
    count += counts[i] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: (counts[bounds.length + 1] ?? 0) * scale },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

function labelsOf({ labels }: Family, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map((label, i) => [label, toText(values[i] ?? '')]));
}

/** Values of a gauge of all workers; those with equal labels are combined. */
function combined({ combine }: Family, gauges: readonly GaugeValue[]): GaugeValue[] {
  const values = new Map<string, GaugeValue>();
  for (const gauge of gauges) {
    const key = JSON.stringify(gauge.labels);
    const known = values.get(key);
    values.set(key, known === undefined ? gauge : { ...gauge, value: COMBINE[combine](known.value, gauge.value) });
  }
  return [...values.values()];
}

const COMBINE: Readonly<Record<Family['combine'], (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  min: Math.min,
  max: Math.max,
};

function grouped<T extends { readonly family: string }>(items: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.family);
    if (group === undefined) groups.set(item.family, [item]);
    else group.push(item);
  }
  return groups;
}
