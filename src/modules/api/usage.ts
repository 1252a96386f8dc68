/** `/http/usage`: usage of API keys (`metrics_usage`). */
import { USAGE_FAMILIES, usageEntries } from '../../metrics/usage.js';
import type { UsageEntry } from '../../metrics/usage-entry.js';
import { masterUnavailable } from './result.js';
import type { ApiContext, Route } from './route.js';
import type { Schema } from './schema.js';

const COUNT: Schema = { type: 'integer' };
const TEXT: Schema = { type: 'string' };

const ENTRY: Schema = {
  type: 'object',
  properties: {
    keys: { ...TEXT, description: 'List of API keys.' },
    client: TEXT,
    plan: TEXT,
    rule: { ...TEXT, description: 'Mapping rule: the value of `metrics_usage`.' },
    requests: { type: 'object', properties: { allowed: COUNT, limited: COUNT, forbidden: COUNT } },
    upgrades: { ...COUNT, description: 'WebSockets that were opened.' },
    messages: { type: 'object', description: 'By sender.', properties: { client: COUNT, upstream: COUNT } },
  },
};

const LIST: Schema = { type: 'array', items: ENTRY };

async function usageOf({ table }: ApiContext): Promise<UsageEntry[]> {
  const { recording } = table;
  if (recording === null) return [];
  const collected = await recording.collect(USAGE_FAMILIES);
  if (collected === null) throw masterUnavailable();
  return usageEntries(collected.totals);
}

export const usageRoutes: readonly Route[] = [
  {
    path: '/http/usage',
    get: {
      summary: 'Counts requests, WebSockets and messages by API key, plan and mapping rule (`metrics_usage`).',
      success: { status: 200, schema: LIST },
      run: async (c) => ({ status: 200, body: await usageOf(c) }),
    },
  },
  {
    path: '/http/usage/{keys}',
    parameters: { keys: 'Name of the list of API keys.' },
    get: {
      summary: 'Counts the use of one list of API keys.',
      success: { status: 200, schema: LIST },
      async run(c, { path }) {
        return { status: 200, body: (await usageOf(c)).filter(({ keys }) => keys === path.keys) };
      },
    },
  },
];
