/** `/http/upstreams`: groups of servers, and changes of their lists. */
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import type { ServerData } from '../../upstream/server-argument.js';
import type { ServerList } from '../../upstream/server-list.js';
import { InvalidServer, parseServerWords } from '../../upstream/server-words.js';
import type { ServerChange, ServerChangeAnswer } from '../../zones/server-lists.js';
import { completeChange } from './change.js';
import { ApiError, type ApiResult, masterUnavailable } from './result.js';
import type { ApiContext, ApiRequest, Route } from './route.js';
import type { Schema } from './schema.js';
import { shownUpstream, UPSTREAM, type UpstreamReport } from './upstream-state.js';

/** Number of times that a change is tried again because another one came first. */
const MAX_TRIES = 10;

const TIME: Schema = { type: 'string', minLength: 1, maxLength: 32, examples: ['10s'] };

/** Parameters of a server that may be written, with the form of their word. */
const PARAMETERS = {
  weight: { type: 'integer', minimum: 1, maximum: 65_535, description: 'Share of the requests.' },
  max_conns: { type: 'integer', minimum: 0, maximum: 2 ** 31 - 1, description: 'Limit of connections; 0: none.' },
  max_fails: {
    type: 'integer',
    minimum: 0,
    maximum: 2 ** 31 - 1,
    description: 'Failures until it is unavailable; 0: never.',
  },
  fail_timeout: { ...TIME, description: 'Time in which failures count, and for which it is then unavailable.' },
  slow_start: { ...TIME, description: 'Time in which its weight grows after it was unavailable.' },
  route: { type: 'string', maxLength: 32, description: 'Name for session bindings; empty for none.' },
  service: { type: 'string', maxLength: 255, description: 'Name of the SRV records; empty for none.' },
  backup: { type: 'boolean', description: 'Used if no other server is available.' },
  down: { type: 'boolean', description: 'Gets no requests.' },
  drain: { type: 'boolean', description: 'Gets only requests that are bound to it.' },
} as const satisfies Readonly<Record<string, Schema>>;

type Fields = { readonly [K in keyof typeof PARAMETERS]?: string | number | boolean } & { readonly server?: string };

const ADDRESS: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: 300,
  description: 'Address or name with an optional port, or "unix:" and a path. Names are resolved at run time.',
  examples: ['192.0.2.1:8080'],
};

const NEW_SERVER: Schema = {
  type: 'object',
  properties: { server: ADDRESS, ...PARAMETERS },
  required: ['server'],
  additionalProperties: false,
};

const SERVER_CHANGE: Schema = {
  type: 'object',
  properties: { server: ADDRESS, ...PARAMETERS },
  minProperties: 1,
  additionalProperties: false,
};

const SERVER: Schema = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    server: ADDRESS,
    ...PARAMETERS,
    addresses: { type: 'array', items: { type: 'string' }, description: 'Addresses of a name.' },
  },
  required: ['id', 'server'],
};

const SERVERS: Schema = { type: 'array', items: SERVER };

function listOf({ table }: ApiContext, { path }: ApiRequest): ServerList {
  const list = table.upstreams.get(toBytes(path.upstream ?? ''));
  if (list !== undefined) return list;
  throw new ApiError(404, 'UpstreamNotFound', `no upstream "${path.upstream}" with a zone`);
}

function idOf({ path }: ApiRequest): number {
  if (/^\d{1,9}$/.test(path.id ?? '')) return Number(path.id);
  throw new ApiError(400, 'UpstreamBadServerId', `invalid server id "${path.id}"`);
}

function missingServer(id: number): ApiError {
  return new ApiError(404, 'UpstreamServerNotFound', `no server with the id ${id}`);
}

/** The servers of an upstream, as the API shows them. */
function serversOf(list: ServerList): Readonly<Record<string, unknown>>[] {
  return list.servers().map(({ id, data, server }) => {
    const { settings, address, runTime } = data;
    return {
      id,
      server: toText(data.written),
      weight: settings.weight,
      max_conns: settings.maxConns,
      max_fails: settings.maxFails,
      fail_timeout: time(settings.failTimeout),
      slow_start: time(settings.slowStart),
      route: toText(settings.route),
      backup: settings.backup,
      down: settings.down === 'down',
      ...(settings.down === 'drain' && { drain: true }),
      ...(runTime !== null && runTime.service !== '' && { service: toText(runTime.service) }),
      ...(address.family === 'name' && { addresses: server.peers.map(({ name }) => name) }),
    };
  });
}

function time(ms: number): string {
  return `${ms / 1000}s`;
}

/** The state of an upstream over all workers. */
async function stateOf({ upstream, zoneName }: ServerList, reports: readonly UpstreamReport[]): Promise<unknown> {
  const own = reports.filter((report) => report.upstream === upstream.name);
  return shownUpstream(own, (await upstream.health?.results()) ?? [], zoneName);
}

/** The words of a server after a change of some parameters. Throws ApiError. */
function changedWords(list: ServerList, before: readonly string[], fields: Fields): readonly string[] {
  const parameters = new Map<string, string>();
  for (const word of before.slice(1)) parameters.set(word.replace(/=.*/s, ''), word);
  const { server = null, ...rest } = fields;
  for (const [name, value] of Object.entries(rest)) {
    if (value === false || value === '') parameters.delete(name);
    else parameters.set(name, value === true ? name : toBytes(`${name}=${value}`));
  }
  if (rest.down === true && rest.drain !== true) parameters.delete('drain');
  if (rest.drain === true && rest.down !== true) parameters.delete('down');
  const written = server === null ? (before[0] ?? '') : toBytes(server);
  parameters.delete('resolve');
  const data = parsed([written]);
  if (data.address.family === 'name') {
    parameters.set('resolve', 'resolve');
    if (!list.resolves) {
      throw new ApiError(400, 'UpstreamConfNoResolver', 'a name needs a "resolver" in the upstream or in http');
    }
  }
  const words = [written, ...parameters.values()];
  parsed(words);
  return words;
}

function parsed(words: readonly string[]): ServerData {
  try {
    return parseServerWords(words);
  } catch (error) {
    if (!(error instanceof InvalidServer)) throw error;
    throw new ApiError(400, 'UpstreamConfFormatError', toText(error.message));
  }
}

/** Makes a change, and saves it; all workers have applied it afterwards. Throws ApiError. */
async function change(c: ApiContext, list: ServerList, wanted: ServerChange): Promise<ServerChangeAnswer> {
  const answer = await list.change(wanted);
  if (answer.result === 'unanswered') throw masterUnavailable();
  if (answer.result === 'missing') throw missingServer('id' in wanted ? wanted.id : -1);
  if (answer.result === 'memory') {
    throw new ApiError(507, 'UpstreamNotEnoughMemory', 'not enough memory in the zone of the upstream');
  }
  if (answer.result !== 'done') return answer;
  await completeChange(c, list);
  return answer;
}

async function modify(c: ApiContext, list: ServerList, id: number, fields: Fields): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const before = list.wordsOf(id);
    if (before === undefined) throw missingServer(id);
    const words = changedWords(list, before, fields);
    if ((await change(c, list, { do: 'modify', id, before, words })).result === 'done') return;
  }
  throw new ApiError(409, 'UpstreamConfVersionMismatch', 'the server is being changed by other requests');
}

function shown(list: ServerList, id: number): unknown {
  return serversOf(list).find((server) => server.id === id);
}

export const upstreamRoutes: readonly Route[] = [
  {
    path: '/http/upstreams',
    get: {
      summary: 'Lists the upstreams that have a zone, with the state of their servers.',
      success: { status: 200, schema: { type: 'object', additionalProperties: UPSTREAM } },
      async run({ table, clients }) {
        const reports = await clients.upstreams();
        const body: Record<string, unknown> = Object.create(null);
        for (const [name, list] of table.upstreams) body[toText(name)] = await stateOf(list, reports);
        return { status: 200, body };
      },
    },
  },
  {
    path: '/http/upstreams/{upstream}',
    parameters: { upstream: 'Name of the upstream.' },
    get: {
      summary: 'Shows the state of the servers of an upstream.',
      success: { status: 200, schema: UPSTREAM },
      errors: [404],
      async run(c, request) {
        const list = listOf(c, request);
        return { status: 200, body: await stateOf(list, await c.clients.upstreams(list.upstream.name)) };
      },
    },
    delete: {
      summary: 'Resets the counters of the servers and of the queue. Those of health checks continue.',
      success: { status: 204 },
      errors: [404],
      async run(c, request) {
        await c.clients.reset(listOf(c, request).upstream.name);
        return { status: 204 };
      },
    },
  },
  {
    path: '/http/upstreams/{upstream}/rebalance',
    parameters: { upstream: 'Name of an upstream with "tunnel_rebalance", with or without a zone.' },
    post: {
      summary:
        'Moves WebSockets from the most loaded servers to the others, as when a server joins; responds with their number.',
      body: { type: 'object', properties: {}, additionalProperties: false },
      success: { status: 200, schema: { type: 'object', properties: { moved: { type: 'integer' } } } },
      errors: [404, 409],
      async run({ table, clients }, { path: { upstream = '' } }) {
        const name = toBytes(upstream);
        const found = table.upstream(name);
        if (found === undefined) throw new ApiError(404, 'UpstreamNotFound', `no upstream "${upstream}"`);
        if (found.rebalancing === null) {
          throw new ApiError(409, 'RebalancingDisabled', `upstream "${upstream}" has no "tunnel_rebalance"`);
        }
        return { status: 200, body: { moved: await clients.rebalance(name) } };
      },
    },
  },
  {
    path: '/http/upstreams/{upstream}/servers',
    parameters: { upstream: 'Name of the upstream.' },
    get: {
      summary: 'Lists the servers of an upstream with their parameters.',
      success: { status: 200, schema: SERVERS },
      errors: [404],
      run: (c, request) => ({ status: 200, body: serversOf(listOf(c, request)) }),
    },
    post: {
      summary: 'Adds a server.',
      body: NEW_SERVER,
      success: { status: 201, schema: SERVER },
      errors: [404, 507],
      async run(c, request): Promise<ApiResult> {
        const list = listOf(c, request);
        const words = changedWords(list, [], request.body as Fields);
        const { id } = await change(c, list, { do: 'add', words });
        return { status: 201, body: shown(list, id) };
      },
    },
  },
  {
    path: '/http/upstreams/{upstream}/servers/{id}',
    parameters: { upstream: 'Name of the upstream.', id: 'Id of the server.' },
    get: {
      summary: 'Shows a server with its parameters.',
      success: { status: 200, schema: SERVER },
      errors: [404],
      run(c, request) {
        const id = idOf(request);
        const body = shown(listOf(c, request), id);
        if (body === undefined) throw missingServer(id);
        return { status: 200, body };
      },
    },
    patch: {
      summary: 'Changes parameters of a server; the others stay. Its connections continue.',
      body: SERVER_CHANGE,
      success: { status: 200, schema: SERVER },
      errors: [404, 409, 507],
      async run(c, request) {
        const list = listOf(c, request);
        const id = idOf(request);
        await modify(c, list, id, request.body as Fields);
        return { status: 200, body: shown(list, id) };
      },
    },
    delete: {
      summary: 'Removes a server, and responds with the others. Its requests in progress continue.',
      success: { status: 200, schema: SERVERS },
      errors: [404, 507],
      async run(c, request) {
        const list = listOf(c, request);
        await change(c, list, { do: 'remove', id: idOf(request) });
        return { status: 200, body: serversOf(list) };
      },
    },
  },
];
