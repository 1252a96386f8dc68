/** `/resolvers`: statistics of name resolution (`resolver ... status_zone=`). */
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import type { ResolverZone } from '../../upstream/resolver-zone.js';
import { ApiError, masterUnavailable } from './result.js';
import type { ApiContext, ApiRequest, Route } from './route.js';
import type { Schema } from './schema.js';

const COUNT: Schema = { type: 'integer' };

const STATISTICS: Schema = {
  type: 'object',
  properties: {
    requests: { type: 'object', properties: { name: COUNT, srv: COUNT, addr: COUNT } },
    responses: { type: 'object', additionalProperties: COUNT },
  },
};

function zoneOf({ table }: ApiContext, { path }: ApiRequest): ResolverZone {
  const zone = table.resolvers.get(toBytes(path.zone ?? ''));
  if (zone !== undefined) return zone;
  throw new ApiError(404, 'ResolverZoneNotFound', `no resolver with the status_zone "${path.zone}"`);
}

async function statisticsOf(zone: ResolverZone): Promise<unknown> {
  const counts = await zone.read();
  if (counts === null) throw masterUnavailable();
  const { name, srv, addr, ...responses } = counts;
  return { requests: { name, srv, addr }, responses };
}

export const resolverRoutes: readonly Route[] = [
  {
    path: '/resolvers',
    get: {
      summary: 'Counts requests for names and responses of name servers, by status_zone.',
      success: { status: 200, schema: { type: 'object', additionalProperties: STATISTICS } },
      async run({ table }) {
        const all = [...table.resolvers].map(async ([name, zone]) => [toText(name), await statisticsOf(zone)]);
        return { status: 200, body: Object.fromEntries(await Promise.all(all)) };
      },
    },
  },
  {
    path: '/resolvers/{zone}',
    parameters: { zone: 'Name of the zone.' },
    get: {
      summary: 'Counts requests for names and responses of name servers.',
      success: { status: 200, schema: STATISTICS },
      errors: [404],
      run: async (c, request) => ({ status: 200, body: await statisticsOf(zoneOf(c, request)) }),
    },
    delete: {
      summary: 'Resets the counters.',
      success: { status: 204 },
      errors: [404],
      async run(c, request) {
        if ((await zoneOf(c, request).read(true)) === null) throw masterUnavailable();
        return { status: 204 };
      },
    },
  },
];
