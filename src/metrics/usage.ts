/** Usage of API keys: requests, upgrades and messages by client, plan and mapping rule (`metrics_usage`). */
import { toText } from '../diagnostics/byte-string.js';
import { API_USE, type ApiClient, type ApiUse } from '../program/api-use.js';
import type { Exchange } from '../program/exchange.js';
import { SettingsKey } from '../program/settings-key.js';
import type { Template } from '../program/template.js';
import type { MetricTotal } from '../zones/metric-totals.js';
import { USAGE_MESSAGES, USAGE_REQUESTS, USAGE_UPGRADES } from './families.js';
import type { Metrics } from './metrics.js';
import type { Counter } from './series.js';
import type { UsageEntry } from './usage-entry.js';

/** Series of a client with one mapping rule. */
export interface UsageSeries {
  readonly results: Readonly<Record<ApiUse['result'], Counter>>;
  readonly upgrades: Counter;
  readonly fromClient: Counter;
  readonly fromUpstream: Counter;
}

/** Usage of a location; null if it is not counted. */
export const USAGE = new SettingsKey<UsageRecorder | null>('usage of API keys', null);

/** Recorder of the usage of one location. */
export class UsageRecorder {
  /** By rule; clients of an earlier table end with it. */
  private readonly series = new Map<string, WeakMap<ApiClient, UsageSeries>>();

  constructor(
    private readonly metrics: Metrics,
    /** Name of the mapping rule. */
    private readonly rule: Template,
    private readonly maxRules = 1000,
  ) {}

  /** Counts a request that has ended. */
  record(x: Exchange): void {
    const use = x.state(API_USE);
    if (use !== undefined && x.nested === null) this.of(x, use).results[use.result].value++;
  }

  /** Counts a WebSocket that was opened; returns the series for its messages. */
  opened(x: Exchange): UsageSeries | null {
    const use = x.state(API_USE);
    if (use === undefined) return null;
    const series = this.of(x, use);
    series.upgrades.value++;
    return series;
  }

  private of(x: Exchange, { who }: ApiUse): UsageSeries {
    const rule = this.rule.of(x);
    let byClient = this.series.get(rule);
    if (byClient === undefined) {
      // Rules beyond the limit share a series in any case.
      if (this.series.size >= this.maxRules) return this.create(who, rule);
      this.series.set(rule, (byClient = new WeakMap()));
    }
    let series = byClient.get(who);
    if (series === undefined) byClient.set(who, (series = this.create(who, rule)));
    return series;
  }

  private create({ keys, client, plan }: ApiClient, rule: string): UsageSeries {
    const { metrics } = this;
    const labels = [keys, client, plan.name, rule];
    const result = (name: string): Counter => metrics.counter(USAGE_REQUESTS, [...labels, name]);
    return {
      results: { allowed: result('allowed'), limited: result('limited'), forbidden: result('forbidden') },
      upgrades: metrics.counter(USAGE_UPGRADES, labels),
      fromClient: metrics.counter(USAGE_MESSAGES, [...labels, 'client']),
      fromUpstream: metrics.counter(USAGE_MESSAGES, [...labels, 'upstream']),
    };
  }
}

/** Families from which `usageEntries` are computed. */
export const USAGE_FAMILIES = [USAGE_REQUESTS, USAGE_UPGRADES, USAGE_MESSAGES];

const USAGE_NAMES: ReadonlySet<string> = new Set(USAGE_FAMILIES.map(({ name }) => name));

/** Usage from the totals of all workers; those of other families are ignored. */
export function usageEntries(totals: readonly MetricTotal[]): UsageEntry[] {
  const entries = new Map<string, ReturnType<typeof newEntry>>();
  for (const { family, labels, values } of totals) {
    if (!USAGE_NAMES.has(family)) continue;
    const [keys = '', client = '', plan = '', rule = '', kind = ''] = labels;
    const key = JSON.stringify([keys, client, plan, rule]);
    let entry = entries.get(key);
    if (entry === undefined)
      entries.set(key, (entry = newEntry(toText(keys), toText(client), toText(plan), toText(rule))));
    const [value = 0] = values;
    if (family === USAGE_UPGRADES.name) entry.upgrades += value;
    else if (family === USAGE_REQUESTS.name) entry.requests[kind as keyof typeof entry.requests] += value;
    else if (family === USAGE_MESSAGES.name) entry.messages[kind as keyof typeof entry.messages] += value;
  }
  return [...entries.values()];
}

function newEntry(keys: string, client: string, plan: string, rule: string) {
  const requests = { allowed: 0, limited: 0, forbidden: 0 };
  return { keys, client, plan, rule, requests, upgrades: 0, messages: { client: 0, upstream: 0 } };
}
