/** `/http/caches`: the caches, and the responses stored in them. */
import type { CacheStore } from '../../cache/cache-store.js';
import {
  describeResponse,
  type EntrySelection,
  listResponses,
  removeResponses,
  type StoredResponse,
} from '../../cache/stored-responses.js';
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import { ApiError, masterUnavailable } from './result.js';
import type { ApiContext, ApiRequest, Parameter, Route } from './route.js';
import type { Schema } from './schema.js';

/** Entries of a list without `limit`. */
const DEFAULT_LIMIT = 100;

const COUNT: Schema = { type: 'integer' };
const TEXT: Schema = { type: 'string' };
const NUMBER: Schema = { type: 'string', pattern: '^[0-9]{1,9}$' };

const CACHE: Schema = {
  type: 'object',
  properties: {
    size: { ...COUNT, description: 'Bytes of the files, in whole blocks.' },
    max_size: { ...COUNT, description: 'Bytes; absent without max_size.' },
    cold: { type: 'boolean', description: 'The files of an earlier process are still being loaded.' },
    entries: { ...COUNT, description: 'Number of stored responses.' },
  },
};

const ENTRY: Schema = {
  type: 'object',
  properties: {
    hash: { ...TEXT, description: 'Name of the file.' },
    key: TEXT,
    status: COUNT,
    content_type: TEXT,
    size: { ...COUNT, description: 'Bytes of the file, in whole blocks.' },
    stored: { ...TEXT, description: 'Time of storing or of the last revalidation.' },
    valid_until: { ...TEXT, description: 'The response is fresh until then.' },
    fresh: { type: 'boolean' },
    vary: { ...TEXT, description: 'Fields of requests that select this variant.' },
    tags: { type: 'array', items: TEXT },
    uses: COUNT,
    idle: { ...COUNT, description: 'ms since the last access.' },
  },
};

const ENTRIES: Schema = {
  type: 'object',
  properties: {
    entries: { type: 'array', items: ENTRY },
    next: { anyOf: [COUNT, { type: 'null' }], description: 'Where the list continues; null: nowhere.' },
  },
};

const SELECTION: readonly Parameter[] = [
  {
    name: 'key',
    description: 'Only responses with this key, or, if it ends with an asterisk, with keys that begin so.',
    schema: { type: 'string', maxLength: 65_535 },
  },
  { name: 'tag', description: 'Only responses with this tag.', schema: { type: 'string', maxLength: 65_535 } },
];

function storeOf({ table }: ApiContext, { path }: ApiRequest): CacheStore {
  const store = table.caches.get(toBytes(path.cache ?? ''));
  if (store !== undefined) return store;
  throw new ApiError(404, 'CacheNotFound', `no cache "${path.cache}"`);
}

async function figuresOf(store: CacheStore): Promise<unknown> {
  const totals = await store.measure();
  if (totals === null) throw masterUnavailable();
  const { maxSize } = store.data;
  return {
    size: totals.size,
    ...(maxSize !== null && { max_size: maxSize }),
    cold: totals.cold,
    entries: totals.files,
  };
}

function selectionOf({ query: { key, tag } }: ApiRequest): EntrySelection {
  return { key: key === undefined ? null : toBytes(key), tag: tag === undefined ? null : toBytes(tag) };
}

function described(response: StoredResponse): unknown {
  const { hash, key, status, type, size, stored, validUntil, fresh, vary, tags, uses, idle } =
    describeResponse(response);
  return {
    hash,
    key,
    status,
    ...(type !== '' && { content_type: type }),
    size,
    stored: new Date(stored).toISOString(),
    valid_until: new Date(validUntil).toISOString(),
    fresh,
    ...(vary !== '' && { vary }),
    ...(tags.length > 0 && { tags }),
    uses,
    idle,
  };
}

export const cacheRoutes: readonly Route[] = [
  {
    path: '/http/caches',
    get: {
      summary: 'Shows all caches.',
      success: { status: 200, schema: { type: 'object', additionalProperties: CACHE } },
      async run({ table }) {
        const all = [...table.caches].map(async ([name, store]) => [toText(name), await figuresOf(store)]);
        return { status: 200, body: Object.fromEntries(await Promise.all(all)) };
      },
    },
  },
  {
    path: '/http/caches/{cache}',
    parameters: { cache: 'Name of the zone.' },
    get: {
      summary: 'Shows a cache.',
      success: { status: 200, schema: CACHE },
      errors: [404],
      run: async (c, request) => ({ status: 200, body: await figuresOf(storeOf(c, request)) }),
    },
  },
  {
    path: '/http/caches/{cache}/entries',
    parameters: { cache: 'Name of the zone.' },
    get: {
      summary: 'Lists stored responses, in no particular order.',
      query: [
        ...SELECTION,
        { name: 'from', description: 'The member `next` of an earlier list.', schema: NUMBER },
        { name: 'limit', description: 'Most responses of the list, 1 to 1000; 100 by default.', schema: NUMBER },
      ],
      success: { status: 200, schema: ENTRIES },
      errors: [404],
      async run(c, request) {
        const store = storeOf(c, request);
        const limit = Number(request.query.limit ?? DEFAULT_LIMIT);
        if (limit < 1 || limit > 1000) throw new ApiError(400, 'BadParameter', '"limit" must be between 1 and 1000');
        const listed = await listResponses(store, selectionOf(request), Number(request.query.from ?? 0), limit);
        if (listed === null) throw masterUnavailable();
        return { status: 200, body: { entries: listed.responses.map(described), next: listed.next } };
      },
    },
    delete: {
      summary: 'Removes the stored responses with a key or a tag. The key * removes all.',
      query: SELECTION,
      success: { status: 200, schema: { type: 'object', properties: { removed: COUNT } } },
      errors: [404],
      async run(c, request) {
        const store = storeOf(c, request);
        const selection = selectionOf(request);
        if (selection.key === null && selection.tag === null) {
          throw new ApiError(400, 'BadParameter', 'a "key" or a "tag" is required; the key * removes all');
        }
        const removed = await removeResponses(store, selection);
        if (removed === null) throw masterUnavailable();
        return { status: 200, body: { removed } };
      },
    },
  },
];
