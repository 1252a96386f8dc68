/** Requests derived from the OpenAPI document, valid and invalid ones: none fails, and reloads and restarts restore the state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toBytes } from '../../src/diagnostics/byte-string.js';
import { anyCharacter } from '../kit/any-character.js';
import { get, startProxy, type TestProxy } from '../kit/index.js';
import { api, JSON_TYPE } from './api-client.js';

const CONFIG = `
  keyval_zone zone=names:64k state=%%DIR%%/names.json;
  keyval_zone zone=nets:64k type=ip state=%%DIR%%/nets.json;
  upstream app { zone app 64k; state %%DIR%%/app.conf; }
  upstream fixed { zone fixed 64k; server 127.0.0.1:1 weight=3; server 127.0.0.1:2 backup; }
  server {
    listen 127.0.0.1:0;
    location /api/ { api write=on; }
    location /app { proxy_pass http://app; }
    location /fixed { proxy_pass http://fixed; }
  }`;

const RUNS = Number(process.env.API_FUZZ_RUNS ?? 400);

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
  readonly anyOf?: readonly Schema[];
}

interface Described {
  readonly parameters?: readonly { readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
  readonly responses: Readonly<Record<string, unknown>>;
}

type PathItem = Readonly<Record<'get' | 'post' | 'patch' | 'delete', Described | undefined>>;

/** Values that are likely to reach further than random ones, by name. */
const LIKELY: Readonly<Record<string, readonly string[]>> = {
  upstream: ['app', 'fixed'],
  keyval: ['names', 'nets'],
  zone: ['app', 'names'],
  id: ['0', '1', '2', '3', '1-1'],
  server: ['127.0.0.1:81', '127.0.0.1:82', '[::1]', 'unix:/tmp/a b;"c.sock', '127.0.0.1:65536', 'name.example'],
  key: ['10.0.0.0/8', '::1', 'a', '__proto__', 'é"\\\n', ''],
  fail_timeout: ['10s', '1h30m', '0'],
  slow_start: ['5s'],
  code: ['1000', '4000'],
  route: ['r1', 'a b', '#', '"', '$x'],
};

const anyText = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: anyCharacter, maxLength: 20 }));

function text(name: string): fc.Arbitrary<string> {
  const likely = LIKELY[name];
  return likely === undefined ? anyText : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...likely) }, anyText);
}

function arbitraryOf(name: string, schema: Schema): fc.Arbitrary<unknown> {
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => arbitraryOf(name, each)));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  // A key that expires during the test is no longer there after a reload.
  if (name === 'expire') return fc.constantFrom(0, 3_600_000, 3_155_760_000_000);
  switch (schema.type) {
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1000 });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'object': {
      const { properties = {}, required = [], additionalProperties } = schema;
      const own = Object.entries(properties).map(([key, each]) => [key, arbitraryOf(key, each)] as const);
      if (own.length > 0) return fc.record(Object.fromEntries(own), { requiredKeys: [...required] });
      return fc.dictionary(text('key'), arbitraryOf('', additionalProperties || {}), { maxKeys: 4 });
    }
    default:
      return text(name);
  }
}

interface Attempt {
  readonly method: string;
  readonly path: string;
  readonly body: string | null;
  readonly type: string;
  readonly statuses: readonly string[];
}

function attemptsOf(paths: Readonly<Record<string, PathItem>>): fc.Arbitrary<Attempt> {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    (['get', 'post', 'patch', 'delete'] as const).flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    }),
  );
  return fc
    .constantFrom(...operations)
    .chain(({ path, method, operation: { parameters = [], requestBody, responses } }) => {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
      const schema = requestBody?.content['application/json'].schema;
      const valid =
        schema === undefined ? fc.constant(null) : arbitraryOf('', schema).map((value) => JSON.stringify(value));
      return fc
        .record({
          values: fc.tuple(...names.map(text)),
          query: fc.record(
            Object.fromEntries(parameters.map((each) => [each.name, arbitraryOf(each.name, each.schema)])),
            {
              requiredKeys: [],
            },
          ),
          body: fc.oneof(
            { weight: 6, arbitrary: valid },
            { weight: 1, arbitrary: fc.json() },
            { weight: 1, arbitrary: anyText },
          ),
          type: fc.oneof(
            { weight: 12, arbitrary: fc.constant(JSON_TYPE) },
            { weight: 1, arbitrary: fc.constant('Content-Type: text/plain') },
          ),
        })
        .map(({ values, query, body, type }): Attempt => {
          let filled = path;
          for (const [i, name] of names.entries()) {
            filled = filled.replace(`{${name}}`, () => encodeURIComponent(printable(values[i] ?? '')));
          }
          const search = new URLSearchParams(
            Object.entries(query).map(([name, value]) => [name, printable(String(value))] as [string, string]),
          ).toString();
          const target = search === '' ? filled : `${filled}?${search}`;
          return { method: method.toUpperCase(), path: target, body, type, statuses: Object.keys(responses) };
        });
    });
}

/** Replaces lone surrogates, which `encodeURIComponent` refuses. */
function printable(value: string): string {
  return value.replace(/[\ud800-\udfff]/g, '?');
}

/** State that must survive, without the ids of servers. */
async function stateOf({ port }: TestProxy): Promise<unknown> {
  const { body: keys } = await api(port, 'GET', '/http/keyvals');
  const { body: servers } = await api(port, 'GET', '/http/upstreams/app/servers');
  return { keys, servers: servers.map(({ id: _, ...rest }: { id: number }) => rest) };
}

test('no request derived from the document fails, and a reload and a restart restore what it has changed', async (t) => {
  const proxy = await startProxy(CONFIG);
  t.after(() => proxy.close());
  const { paths } = (await api(proxy.port, 'GET', '/openapi.json')).body;
  let changes = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(attemptsOf(paths), { minLength: 5, maxLength: 5 }), async (attempts) => {
      for (const { method, path, body, type, statuses } of attempts) {
        const isRefused = method !== 'GET' && type !== JSON_TYPE && body !== null;
        const before = isRefused ? await stateOf(proxy) : null;
        const answer = await get(proxy.port, `/api/9${path}`, {
          method,
          fields: body === null ? [] : [type],
          ...(body !== null && { body: toBytes(body) }),
        });
        const { status } = answer;
        if (path.replace(/\?.*/, '').includes('%00')) {
          // Refused before its location is chosen, with a page of HTML.
          assert.equal(status, 400);
          continue;
        }
        assert.ok(statuses.includes(String(status)), `${status} to ${method} ${path} ${body}`);
        if (status >= 400) assert.ok(JSON.parse(answer.body).error.text.length > 0);
        else if (method !== 'GET') changes++;
        if (before !== null) assert.deepEqual(await stateOf(proxy), before);
      }
      assert.notEqual((await get(proxy.port, '/app')).status, 500);
    }),
    { numRuns: RUNS / 5, endOnFailure: true },
  );
  assert.ok(changes > RUNS / 40, `only ${changes} changes`);
  const state = await stateOf(proxy);
  const { body: fixed } = await api(proxy.port, 'GET', '/http/upstreams/fixed/servers');
  await proxy.reload(CONFIG);
  assert.deepEqual(await stateOf(proxy), state);
  assert.deepEqual((await api(proxy.port, 'GET', '/http/upstreams/fixed/servers')).body, fixed);
  // A zone that no request has changed has no file.
  const files = Object.fromEntries(
    ['names.json', 'nets.json', 'app.conf'].map((name) => [name, proxy.file(name)]).filter(([, text]) => text !== ''),
  );
  const other = await startProxy(CONFIG, {}, { files });
  t.after(() => other.close());
  assert.deepEqual(await stateOf(other), state);
  assert.deepEqual(other.messages('error'), []);
  assert.deepEqual(proxy.messages('alert'), []);
});
