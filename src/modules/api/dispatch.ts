/** Finds the operation of a request, checks the request against it and executes it. */
import { toText } from '../../diagnostics/byte-string.js';
import type { Exchange } from '../../program/exchange.js';
import { cacheRoutes } from './caches.js';
import { clientRoutes } from './client-routes.js';
import { keyvalRoutes } from './keyvals.js';
import { openApi } from './openapi.js';
import { resolverRoutes } from './resolvers.js';
import { ApiError, type ApiResult } from './result.js';
import { type ApiContext, type ApiMethod, type ApiOperation, METHODS, type Route } from './route.js';
import { violation } from './schema.js';
import { statusRoutes } from './status.js';
import { upstreamRoutes } from './upstreams.js';
import { usageRoutes } from './usage.js';

/** Versions of the nginx Plus API; all have the same resources here. */
const VERSIONS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

const RESOURCES: readonly Route[] = [
  ...statusRoutes,
  ...resolverRoutes,
  ...upstreamRoutes,
  ...keyvalRoutes,
  ...cacheRoutes,
  ...clientRoutes,
  ...usageRoutes,
];

/** Operations on every resource: the directories, and the document. */
const ROUTES: readonly Route[] = [...directories(RESOURCES), ...RESOURCES];

/** Names of the resources below each path that is not itself a resource. */
function directories(routes: readonly Route[]): Route[] {
  const below = new Map<string, Set<string>>([['/', new Set()]]);
  for (const { path } of routes) {
    const [first = '', second] = path.slice(1).split('/');
    below.get('/')?.add(first);
    if (routes.some((route) => route.path === `/${first}`) || second === undefined) continue;
    const entries = below.get(`/${first}`) ?? new Set();
    below.set(`/${first}`, entries.add(second));
  }
  return [...below].map(([path, names]) => ({
    path,
    get: {
      summary: 'Lists the resources.',
      success: { status: 200, schema: { type: 'array', items: { type: 'string' } } },
      run: () => ({ status: 200, body: [...names].sort() }),
    },
  }));
}

/** An operation with the values of its parameters, found before a body is read. */
export interface Found {
  readonly method: ApiMethod;
  readonly operation: ApiOperation;
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** Result that is known without executing an operation, or the operation. `rest`: the path below the location. */
export function find(x: Exchange, rest: string, prefix: string, write: boolean): Found | ApiResult {
  const method = x.method === 'HEAD' ? 'get' : METHODS.find((each) => each.toUpperCase() === x.method);
  const segments = toText(rest)
    .split('/')
    .filter((segment) => segment !== '');
  const [version, ...path] = segments;
  if (version === undefined) return onlyGet(x, method, { status: 200, body: VERSIONS });
  if (!VERSIONS.some((each) => String(each) === version)) throw pathNotFound();
  if (path.length === 1 && path[0] === 'openapi.json') {
    return onlyGet(x, method, { status: 200, body: openApi(ROUTES, `${toText(prefix)}${version}`) });
  }
  for (const route of ROUTES) {
    const parameters = matched(route.path, path);
    if (parameters === null) continue;
    const operation = method === undefined ? undefined : route[method];
    if (method === undefined || operation === undefined) throw methodNotAllowed(x, route);
    if (method !== 'get' && !write) {
      x.response.set('Allow', 'GET, HEAD');
      throw new ApiError(405, 'MethodDisabled', 'this location is read-only: it has no "api write=on"');
    }
    return { method, operation, path: parameters, query: queryOf(x.args, operation, method) };
  }
  throw pathNotFound();
}

function pathNotFound(): ApiError {
  return new ApiError(404, 'PathNotFound', 'path not found');
}

function methodNotAllowed(x: Exchange, route: Route): ApiError {
  const allowed = METHODS.filter((each) => route[each] !== undefined).map((each) => each.toUpperCase());
  x.response.set('Allow', allowed.map((each) => (each === 'GET' ? 'GET, HEAD' : each)).join(', '));
  return new ApiError(405, 'MethodNotAllowed', 'method not allowed');
}

function onlyGet(x: Exchange, method: ApiMethod | undefined, result: ApiResult): ApiResult {
  if (method !== 'get') throw methodNotAllowed(x, { path: '', get: ROUTES[0]?.get as ApiOperation });
  return result;
}

/** The parameters in a path; null if the path does not match. */
function matched(pattern: string, segments: readonly string[]): Record<string, string> | null {
  const parts = pattern.split('/').filter((part) => part !== '');
  if (parts.length !== segments.length) return null;
  const parameters: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    const segment = segments[i] ?? '';
    if (part.startsWith('{')) parameters[part.slice(1, -1)] = segment;
    else if (part !== segment) return null;
  }
  return parameters;
}

/** The parameters of a query. Throws ApiError. */
function queryOf(args: string, { query = [] }: ApiOperation, method: ApiMethod): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(toText(args))) {
    if (name === 'fields' && method === 'get') continue;
    const parameter = query.find((each) => each.name === name);
    if (parameter === undefined) throw new ApiError(400, 'UnknownParameter', `unknown parameter "${name}"`);
    if (found[name] !== undefined) throw new ApiError(400, 'DuplicateParameter', `duplicate parameter "${name}"`);
    const mistake = violation(parameter.schema, value, `"${name}"`);
    if (mistake !== null) throw new ApiError(400, 'BadParameter', mistake);
    found[name] = value;
  }
  return found;
}

/** Executes an operation. `bytes`: the body; null if there is none. Throws ApiError. */
export async function execute(c: ApiContext, x: Exchange, found: Found, bytes: Buffer | null): Promise<ApiResult> {
  const { operation, path, query, method } = found;
  const body = operation.body === undefined ? undefined : parsedBody(bytes);
  if (operation.body !== undefined) {
    const mistake = violation(operation.body, body, 'the body');
    if (mistake !== null) throw new ApiError(400, 'FormatError', mistake);
  } else if (bytes !== null && bytes.length > 0) {
    throw new ApiError(400, 'UnexpectedBody', 'this request must not have a body');
  }
  const result = await operation.run(c, { x, path, query, body });
  return method === 'get' ? withFields(result, x.args) : result;
}

function parsedBody(bytes: Buffer | null): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes ?? Buffer.alloc(0)));
  } catch {
    throw new ApiError(400, 'JsonError', 'the body is not valid JSON');
  }
}

/** Reduces an object to the members that `fields` names. */
function withFields(result: ApiResult, args: string): ApiResult {
  const names = new URLSearchParams(toText(args)).get('fields');
  const { body } = result;
  if (names === null || typeof body !== 'object' || body === null || Array.isArray(body)) return result;
  const kept = names.split(',');
  return { ...result, body: Object.fromEntries(Object.entries(body).filter(([name]) => kept.includes(name))) };
}
