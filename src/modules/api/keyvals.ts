/** `/http/keyvals`: zones of keys with values. */
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import type { KeyvalZone } from '../../program/keyval-zone.js';
import { isValidKey } from '../../zones/key-value-copy.js';
import type { KeyChange, KeyValue } from '../../zones/key-values.js';
import { completeChange } from './change.js';
import { ApiError, type ApiResult, masterUnavailable } from './result.js';
import type { ApiContext, ApiRequest, Parameter, Route } from './route.js';
import type { Schema } from './schema.js';

/** Most keys in one request. */
const MAX_KEYS = 10_000;
/** Longest time until a key expires, ms: 100 years. */
const MAX_EXPIRE = 3_155_760_000_000;

const TEXT: Schema = { type: 'string', maxLength: 65_535 };
const EXPIRE: Schema = {
  type: 'integer',
  minimum: 0,
  maximum: MAX_EXPIRE,
  description: 'ms until the key expires; 0: never.',
};

const ENTRIES: Schema = { type: 'object', additionalProperties: TEXT };

const ADDED: Schema = {
  type: 'object',
  description: 'Values by key, each a string, or an object with the time until it expires.',
  minProperties: 1,
  maxProperties: MAX_KEYS,
  additionalProperties: {
    anyOf: [
      TEXT,
      {
        type: 'object',
        properties: { value: TEXT, expire: EXPIRE },
        required: ['value'],
        additionalProperties: false,
      },
    ],
  },
};

const CHANGED: Schema = {
  type: 'object',
  description:
    'New values by key; null removes the key. An object without a value restarts the time until the key expires.',
  minProperties: 1,
  maxProperties: MAX_KEYS,
  additionalProperties: {
    anyOf: [
      TEXT,
      { type: 'null' },
      { type: 'object', properties: { value: TEXT, expire: EXPIRE }, minProperties: 1, additionalProperties: false },
    ],
  },
};

type Change = string | null | { readonly value?: string; readonly expire?: number };

function zoneOf({ table }: ApiContext, { path }: ApiRequest): KeyvalZone {
  const zone = table.keyvals.get(toBytes(path.keyval ?? ''));
  if (zone !== undefined) return zone;
  throw new ApiError(404, 'KeyvalNotFound', `no keyval_zone "${path.keyval}"`);
}

async function entriesOf(zone: KeyvalZone): Promise<readonly KeyValue[]> {
  const entries = await zone.entries();
  if (entries === null) throw masterUnavailable();
  return entries;
}

function asObject(entries: readonly KeyValue[]): Readonly<Record<string, string>> {
  return Object.fromEntries(entries.map(({ key, value }) => [toText(key), toText(value)]));
}

/** The changes of a body; a key expires after `expire`, or the `timeout` of the zone. Throws ApiError. */
function changesOf(body: unknown, { data: { type, timeout } }: KeyvalZone): KeyChange[] {
  return Object.entries(body as Readonly<Record<string, Change>>).map(([text, change]) => {
    const key = toBytes(text);
    if (!isValidKey(type, key)) {
      throw new ApiError(400, 'KeyvalFormatError', `key "${text}" is neither an address nor a network`);
    }
    const { value, expire } = typeof change === 'object' && change !== null ? change : { value: change };
    const ms = expire ?? timeout;
    return { key, left: ms === 0 ? null : ms, ...(value !== undefined && { value: value && toBytes(value) }) };
  });
}

async function change(
  c: ApiContext,
  request: ApiRequest,
  mode: 'add' | 'modify',
  success: ApiResult,
): Promise<ApiResult> {
  const zone = zoneOf(c, request);
  const { result, key } = await zone.change(mode, changesOf(request.body, zone));
  if (result === 'unanswered') throw masterUnavailable();
  if (result === 'exists') throw new ApiError(409, 'KeyvalKeyExists', `key "${toText(key)}" already exists`);
  if (result === 'missing') throw new ApiError(404, 'KeyvalKeyNotFound', `no key "${toText(key)}"`);
  if (result === 'memory') throw new ApiError(507, 'KeyvalNotEnoughMemory', 'not enough memory in the zone');
  await completeChange(c, zone);
  return success;
}

const KEY: Parameter = { name: 'key', description: 'Only this key.', schema: TEXT };

export const keyvalRoutes: readonly Route[] = [
  {
    path: '/http/keyvals',
    get: {
      summary: 'Shows all keys of all zones.',
      success: { status: 200, schema: { type: 'object', additionalProperties: ENTRIES } },
      async run({ table }) {
        const zones = [...table.keyvals].map(async ([name, zone]) => [toText(name), asObject(await entriesOf(zone))]);
        return { status: 200, body: Object.fromEntries(await Promise.all(zones)) };
      },
    },
  },
  {
    path: '/http/keyvals/{keyval}',
    parameters: { keyval: 'Name of the zone.' },
    get: {
      summary: 'Shows the keys of a zone.',
      query: [KEY],
      success: { status: 200, schema: ENTRIES },
      errors: [404],
      async run(c, request) {
        const all = await entriesOf(zoneOf(c, request));
        const { key } = request.query;
        if (key === undefined) return { status: 200, body: asObject(all) };
        const found = all.filter((entry) => entry.key === toBytes(key));
        if (found.length === 0) throw new ApiError(404, 'KeyvalKeyNotFound', `no key "${key}"`);
        return { status: 200, body: asObject(found) };
      },
    },
    post: {
      summary: 'Adds keys that do not exist yet: all of them or none.',
      body: ADDED,
      success: { status: 201 },
      errors: [404, 409, 507],
      run: (c, request) => change(c, request, 'add', { status: 201 }),
    },
    patch: {
      summary: 'Changes or removes keys: all of them or none.',
      body: CHANGED,
      success: { status: 204 },
      errors: [404, 507],
      run: (c, request) => change(c, request, 'modify', { status: 204 }),
    },
    delete: {
      summary: 'Removes all keys of a zone.',
      success: { status: 204 },
      errors: [404, 507],
      async run(c, request) {
        const zone = zoneOf(c, request);
        if (!(await zone.clear())) throw masterUnavailable();
        await completeChange(c, zone);
        return { status: 204 };
      },
    },
  },
];
