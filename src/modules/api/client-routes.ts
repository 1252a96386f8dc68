/** `/http/connections` and `/http/tunnels`: open connections and WebSockets, which can be closed. Extensions of tsproxy. */
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import type { ConnectionDescription } from '../../exchange/open-connections.js';
import type { TunnelDescription } from '../../tunnel/tunnel-description.js';
import { maySend } from '../../websocket/close-codes.js';
import type { ClientFilter, Listed } from './clients.js';
import { ApiError } from './result.js';
import type { ApiRequest, Parameter, Route } from './route.js';
import type { Schema } from './schema.js';

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 100_000;
/** The code of Close frames, if none is given: going away. */
const DEFAULT_CODE = 1001;
/** Longest reason of a Close frame, bytes (RFC 6455, 5.5). */
const MAX_REASON = 123;
/** Longest time over which tunnels are closed, ms: a day. */
const MAX_SPREAD = 86_400_000;

const COUNT: Schema = { type: 'integer' };
const TEXT: Schema = { type: 'string' };
const LONG_TEXT: Schema = { type: 'string', maxLength: 8192 };

/** Whole numbers in a query. */
function numberParameter(name: string, description: string): Parameter {
  return { name, description, schema: { type: 'string', pattern: '^[0-9]{1,9}$' } };
}

const FILTERS: readonly Parameter[] = [
  { name: 'client', description: 'Only clients with this address.', schema: LONG_TEXT },
  {
    name: 'location',
    description: 'Only requests in this location, as written in the configuration.',
    schema: LONG_TEXT,
  },
  { name: 'host', description: 'Only requests for this host.', schema: LONG_TEXT },
];

const TUNNEL_FILTERS: readonly Parameter[] = [
  ...FILTERS,
  { name: 'key', description: 'Only tunnels with this key (tunnel_key).', schema: LONG_TEXT },
  { name: 'upstream', description: 'Only tunnels to this upstream.', schema: LONG_TEXT },
  { name: 'server', description: 'Only tunnels to the server with this address.', schema: LONG_TEXT },
];

const LIMIT = numberParameter('limit', `Maximum number of items in the list; default ${DEFAULT_LIMIT}.`);
const ALL: Parameter = {
  name: 'all',
  description: 'Required if there is no other filter.',
  schema: { type: 'string', enum: ['true'] },
};

const CLOSING: readonly Parameter[] = [
  numberParameter('code', `Status code of the Close frames, from 1000; default ${DEFAULT_CODE}.`),
  { name: 'reason', description: `Reason in the Close frames, at most ${MAX_REASON} bytes.`, schema: LONG_TEXT },
];

const CONNECTION: Schema = {
  type: 'object',
  properties: {
    id: TEXT,
    client: TEXT,
    local: TEXT,
    since: TEXT,
    requests: COUNT,
    state: { type: 'string', enum: ['idle', 'reading', 'handling', 'closing', 'tunnel'] },
    request: {
      type: 'object',
      properties: { method: TEXT, host: TEXT, target: TEXT, location: TEXT },
    },
  },
};

const TUNNEL: Schema = {
  type: 'object',
  properties: {
    id: TEXT,
    client: TEXT,
    host: TEXT,
    uri: TEXT,
    location: TEXT,
    key: TEXT,
    upstream: TEXT,
    server: TEXT,
    since: TEXT,
    received: { ...COUNT, description: 'Bytes from the client.' },
    sent: { ...COUNT, description: 'Bytes to the client.' },
    websocket: {
      type: 'object',
      description: 'Messages from and to the client.',
      properties: { received: COUNT, sent: COUNT },
    },
  },
};

function listSchema(items: Schema): Schema {
  return {
    type: 'object',
    properties: {
      total: { ...COUNT, description: 'Number of all matches; the list may contain only the first ones.' },
      items: { type: 'array', items },
    },
  };
}

const CLOSED: Schema = { type: 'object', properties: { closed: COUNT } };

function filterOf({ query, path }: ApiRequest): ClientFilter {
  const filter: Record<string, unknown> = {};
  for (const { name } of TUNNEL_FILTERS) {
    const value = query[name];
    if (value !== undefined) filter[name] = toBytes(value);
  }
  if (path.id !== undefined) filter.id = parseId(path.id);
  return filter;
}

function parseId(text: string): { readonly pid: number; readonly connection: number } {
  const [, pid, connection] = /^(\d{1,10})-(\d{1,15})$/.exec(text) ?? [];
  if (connection === undefined) throw new ApiError(400, 'BadId', `invalid id "${text}"`);
  return { pid: Number(pid), connection: Number(connection) };
}

function limitOf({ query: { limit } }: ApiRequest): number {
  return Math.min(limit === undefined ? DEFAULT_LIMIT : Number(limit), MAX_LIMIT);
}

/** The filter of a request that closes; everything is closed only if the client says so. */
function closingFilter(request: ApiRequest): ClientFilter {
  const filter = filterOf(request);
  if (Object.keys(filter).length > 0 || request.query.all === 'true') return filter;
  throw new ApiError(400, 'FilterRequired', 'a filter is required, or "all=true"');
}

function closeFrame({ query }: ApiRequest): { readonly code: number; readonly reason: string } {
  const code = query.code === undefined ? DEFAULT_CODE : Number(query.code);
  if (!maySend(code)) throw new ApiError(400, 'BadCloseCode', `a Close frame may not have the code ${code}`);
  const { reason = '' } = query;
  if (Buffer.byteLength(reason) > MAX_REASON) {
    throw new ApiError(400, 'BadCloseReason', `the reason has more than ${MAX_REASON} bytes`);
  }
  return { code, reason };
}

function shownConnection({ pid, id, since, request, ...rest }: Listed<ConnectionDescription>): unknown {
  return asText({
    id: `${pid}-${id}`,
    ...rest,
    since: new Date(since).toISOString(),
    ...(request !== null && { request }),
  });
}

function shownTunnel({ pid, id, since: _, started, websocket, ...rest }: Listed<TunnelDescription>): unknown {
  return asText({
    id: `${pid}-${id}`,
    ...rest,
    since: new Date(started).toISOString(),
    ...(websocket !== null && { websocket }),
  });
}

/** Converts the byte strings in a value to text. */
function asText(value: unknown): unknown {
  if (typeof value === 'string') return toText(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, asText(each)]));
}

const ID = { id: 'Id from the list.' };

export const clientRoutes: readonly Route[] = [
  {
    path: '/http/connections',
    get: {
      summary: 'Lists the open client connections of all workers.',
      query: [...FILTERS, LIMIT],
      success: { status: 200, schema: listSchema(CONNECTION) },
      async run({ clients }, request) {
        const { total, items } = await clients.connections(filterOf(request), limitOf(request));
        return { status: 200, body: { total, items: items.map(shownConnection) } };
      },
    },
    delete: {
      summary: 'Closes connections immediately, except that of the request; responds with their number.',
      query: [...FILTERS, ALL],
      success: { status: 200, schema: CLOSED },
      async run({ clients }, request) {
        return { status: 200, body: { closed: await clients.closeConnections(closingFilter(request), request.x) } };
      },
    },
  },
  {
    path: '/http/connections/{id}',
    parameters: ID,
    get: {
      summary: 'Shows a connection.',
      success: { status: 200, schema: CONNECTION },
      errors: [404],
      async run({ clients }, request) {
        const [found] = (await clients.connections(filterOf(request), 1)).items;
        if (found === undefined) throw new ApiError(404, 'ConnectionNotFound', `no connection "${request.path.id}"`);
        return { status: 200, body: shownConnection(found) };
      },
    },
    delete: {
      summary: 'Closes a connection immediately, unless it is that of the request.',
      success: { status: 200, schema: CLOSED },
      errors: [404],
      async run({ clients }, request) {
        const closed = await clients.closeConnections(filterOf(request), request.x);
        if (closed === 0) throw new ApiError(404, 'ConnectionNotFound', `no other connection "${request.path.id}"`);
        return { status: 200, body: { closed } };
      },
    },
  },
  {
    path: '/http/tunnels',
    get: {
      summary: 'Lists the open tunnels (WebSockets) of all workers.',
      query: [...TUNNEL_FILTERS, LIMIT],
      success: { status: 200, schema: listSchema(TUNNEL) },
      async run({ clients }, request) {
        const { total, items } = await clients.tunnels(filterOf(request), limitOf(request));
        return { status: 200, body: { total, items: items.map(shownTunnel) } };
      },
    },
    delete: {
      summary: 'Closes tunnels: WebSockets with a Close frame. Responds with their number.',
      query: [
        ...TUNNEL_FILTERS,
        ALL,
        ...CLOSING,
        numberParameter('spread', 'ms over which the tunnels are closed; default 0.'),
      ],
      success: { status: 200, schema: CLOSED },
      async run({ clients }, request) {
        const filter = closingFilter(request);
        const { code, reason } = closeFrame(request);
        const spread = Math.min(Number(request.query.spread ?? 0), MAX_SPREAD);
        return { status: 200, body: { closed: await clients.closeTunnels(filter, code, reason, spread) } };
      },
    },
  },
  {
    path: '/http/tunnels/{id}',
    parameters: ID,
    get: {
      summary: 'Shows a tunnel.',
      success: { status: 200, schema: TUNNEL },
      errors: [404],
      async run({ clients }, request) {
        const [found] = (await clients.tunnels(filterOf(request), 1)).items;
        if (found === undefined) throw new ApiError(404, 'TunnelNotFound', `no tunnel "${request.path.id}"`);
        return { status: 200, body: shownTunnel(found) };
      },
    },
    delete: {
      summary: 'Closes a tunnel: a WebSocket with a Close frame.',
      query: CLOSING,
      success: { status: 200, schema: CLOSED },
      errors: [404],
      async run({ clients }, request) {
        const { code, reason } = closeFrame(request);
        const closed = await clients.closeTunnels(filterOf(request), code, reason, 0);
        if (closed === 0) throw new ApiError(404, 'TunnelNotFound', `no tunnel "${request.path.id}"`);
        return { status: 200, body: { closed } };
      },
    },
  },
];
