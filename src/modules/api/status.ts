/** Figures of the proxy: `/nginx`, `/processes`, `/connections`, `/workers`, `/slabs`, `/http/requests`. */

import { toText } from '../../diagnostics/byte-string.js';
import { httpExchange } from '../../exchange/exchange.js';
import { NGINX_VERSION, VERSION } from '../../http/software.js';
import { ApiError } from './result.js';
import type { Route } from './route.js';
import type { Schema } from './schema.js';

const COUNT: Schema = { type: 'integer' };
const TEXT: Schema = { type: 'string' };

const SLAB: Schema = {
  type: 'object',
  properties: {
    pages: { type: 'object', properties: { used: COUNT, free: COUNT } },
    slots: {
      type: 'object',
      description: 'By size of the chunks in bytes.',
      additionalProperties: { type: 'object', properties: { used: COUNT, free: COUNT } },
    },
  },
};

export const statusRoutes: readonly Route[] = [
  {
    path: '/nginx',
    get: {
      summary: 'Shows the version and the configuration in force.',
      success: {
        status: 200,
        schema: {
          type: 'object',
          properties: {
            version: { ...TEXT, description: 'Version of nginx whose language is implemented.' },
            build: { ...TEXT, description: 'Name and version of the proxy.' },
            address: TEXT,
            generation: { ...COUNT, description: 'Number of the configuration, from 1.' },
            load_timestamp: TEXT,
            timestamp: TEXT,
            pid: COUNT,
            ppid: COUNT,
          },
        },
      },
      run: ({ table }, { x }) => ({
        status: 200,
        body: {
          version: NGINX_VERSION,
          build: `tsproxy/${VERSION}`,
          address: toText(x.client.localAddress),
          generation: x.generation,
          load_timestamp: new Date(table.loaded).toISOString(),
          timestamp: new Date().toISOString(),
          pid: process.pid,
          ppid: process.ppid,
        },
      }),
    },
  },
  {
    path: '/processes',
    get: {
      summary: 'Shows how many workers were started in place of others that had died.',
      success: { status: 200, schema: { type: 'object', properties: { respawned: COUNT } } },
      run: async ({ table }) => ({ status: 200, body: { respawned: await table.respawned(false) } }),
    },
    delete: {
      summary: 'Resets the counters.',
      success: { status: 204 },
      async run({ table }) {
        await table.respawned(true);
        return { status: 204 };
      },
    },
  },
  {
    path: '/workers',
    get: {
      summary: 'Lists the workers with their open connections and tunnels.',
      success: {
        status: 200,
        schema: {
          type: 'array',
          items: { type: 'object', properties: { pid: COUNT, connections: COUNT, tunnels: COUNT } },
        },
      },
      run: async ({ clients }) => ({ status: 200, body: await clients.workers() }),
    },
  },
  {
    path: '/connections',
    get: {
      summary: 'Counts the client connections of all workers.',
      success: {
        status: 200,
        schema: { type: 'object', properties: { accepted: COUNT, dropped: COUNT, active: COUNT, idle: COUNT } },
      },
      async run(_c, { x }) {
        const { accepted, handled, active, waiting } = await httpExchange(x).client.counts.now();
        return {
          status: 200,
          body: { accepted, dropped: accepted - handled, active: active - waiting, idle: waiting },
        };
      },
    },
  },
  {
    path: '/http/requests',
    get: {
      summary: 'Counts the requests of all workers.',
      success: { status: 200, schema: { type: 'object', properties: { total: COUNT, current: COUNT } } },
      async run(_c, { x }) {
        const { requests, reading, writing } = await httpExchange(x).client.counts.now();
        return { status: 200, body: { total: requests, current: reading + writing } };
      },
    },
  },
  {
    path: '/slabs',
    get: {
      summary: 'Shows the memory of all zones that have a size.',
      success: { status: 200, schema: { type: 'object', additionalProperties: SLAB } },
      async run({ table }) {
        const all = [...(await table.memory())].map(([name, usage]) => [toText(name), usage]);
        return { status: 200, body: Object.fromEntries(all) };
      },
    },
  },
  {
    path: '/slabs/{zone}',
    parameters: { zone: 'Name of the zone.' },
    get: {
      summary: 'Shows the memory of a zone.',
      success: { status: 200, schema: SLAB },
      errors: [404],
      async run({ table }, { path }) {
        const found = [...(await table.memory())].find(([name]) => toText(name) === path.zone);
        if (found === undefined) throw new ApiError(404, 'SlabNotFound', `no zone "${path.zone}" with a size`);
        return { status: 200, body: found[1] };
      },
    },
  },
];
