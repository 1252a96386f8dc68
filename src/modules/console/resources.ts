/** Resources of the console in JSON: the state, configurations, and control. */

import { refusalOfFormType } from '../../exchange/cross-site.js';
import type { ErrorLog } from '../../logging/error-log.js';
import type { Exchange } from '../../program/exchange.js';
import { DONE, type Verdict } from '../../program/verdict.js';
import { cacheEntries, caches, purgeCache } from './caches.js';
import { configuration, difference, explanation, generations, reload } from './configuration.js';
import type { ConsoleSettings, ConsoleTable } from './context.js';
import { checkControl, closeTunnel } from './control.js';
import { ConsoleError, sendError, sendJson } from './json-response.js';
import { replay } from './replay.js';
import { statesOf } from './state.js';

/** Longest body, bytes. */
const MAX_BODY = 64 << 10;

type Body = Readonly<Record<string, unknown>>;

/** A request below the location. */
interface ResourceRequest {
  readonly x: Exchange;
  readonly table: ConsoleTable;
  readonly settings: ConsoleSettings;
  readonly body: Body;
  /** Variable part of the path. */
  readonly id: string;
}

interface Resource {
  readonly path: RegExp;
  readonly method: 'GET' | 'POST';
  /** Whether the request changes the proxy. */
  readonly controls?: true;
  run(request: ResourceRequest): unknown;
}

const RESOURCES: readonly Resource[] = [
  { path: /^state$/, method: 'GET', run: ({ table }) => statesOf(table.compiler.shared)?.current() },
  { path: /^config$/, method: 'GET', run: ({ table }) => configuration(table.compiler.link) },
  { path: /^generations$/, method: 'GET', run: ({ table }) => generations(table.compiler.link) },
  { path: /^diff$/, method: 'GET', run: ({ table, x }) => difference(table.compiler.link, x.args) },
  { path: /^explain$/, method: 'POST', run: ({ table, body }) => explanation(table.compiler.link, body) },
  {
    path: /^reload$/,
    method: 'POST',
    controls: true,
    async run({ table }) {
      const report = await reload(table.compiler.link);
      return report.generation === null ? new Refused(report) : report;
    },
  },
  { path: /^caches$/, method: 'GET', run: ({ table }) => caches(table) },
  {
    path: /^caches\/([^/]{1,200})\/entries$/,
    method: 'GET',
    run: ({ table, id, x }) => cacheEntries(table, id, x.args),
  },
  {
    path: /^caches\/([^/]{1,200})\/purge$/,
    method: 'POST',
    controls: true,
    run: ({ table, id, body }) => purgeCache(table, id, body),
  },
  {
    path: /^replay$/,
    method: 'POST',
    controls: true,
    run: ({ table, body, settings }) => replay(table, settings, body),
  },
  {
    path: /^tunnels\/([\w.-]{1,100})\/close$/,
    method: 'POST',
    controls: true,
    run: ({ table, id, body }) => closeTunnel(table, id, body),
  },
];

/** Result of a reload that was refused. */
class Refused {
  constructor(readonly report: unknown) {}
}

/** Handles a request for a resource in JSON; `name`: the path below the location. 404 if there is none. */
export function sendResource(x: Exchange, name: string, table: ConsoleTable, settings: ConsoleSettings): Verdict {
  const found = RESOURCES.filter(({ path }) => path.test(name));
  if (found.length === 0) return 404;
  const method = x.method === 'HEAD' ? 'GET' : x.method;
  const resource = found.find((each) => each.method === method);
  if (resource === undefined) {
    x.response.set('Allow', found.map((each) => (each.method === 'GET' ? 'GET, HEAD' : each.method)).join(', '));
    return 405;
  }
  const [, id = ''] = resource.path.exec(name) ?? [];
  try {
    if (resource.controls === true) checkControl(x, settings, table);
    else if (resource.method === 'POST') checkType(x);
    if (x.contentLength > MAX_BODY) throw tooLarge();
  } catch (error) {
    fail(x, error, table.compiler.errorLog);
    return DONE;
  }
  const run = (): void => void respond(resource, { x, table, settings, id });
  if (resource.method === 'GET' || x.contentLength === 0) run();
  else x.readBody(run);
  return DONE;
}

async function respond(resource: Resource, request: Omit<ResourceRequest, 'body'>): Promise<void> {
  const { x, table } = request;
  try {
    const result = await resource.run({ ...request, body: resource.method === 'GET' ? {} : bodyOf(x) });
    if (x.finished) return;
    if (result instanceof Refused) sendJson(x, 422, result.report);
    else sendJson(x, 200, result);
  } catch (error) {
    if (!x.finished) fail(x, error, table.compiler.errorLog);
  }
}

function fail(x: Exchange, error: unknown, log: ErrorLog): void {
  if (error instanceof ConsoleError) {
    sendError(x, error);
    return;
  }
  log.write('alert', `console: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  x.finalize(500);
}

function checkType(x: Exchange): void {
  const refusal = refusalOfFormType(x);
  if (refusal !== null) throw new ConsoleError(refusal.status, refusal.code, refusal.message);
}

function tooLarge(): ConsoleError {
  return new ConsoleError(413, 'BodyTooLarge', `the body is larger than ${MAX_BODY} bytes`);
}

/** The body, a JSON object; empty if there is none. Throws ConsoleError. */
function bodyOf({ body }: Exchange): Body {
  if (body === null || body.length === 0) return {};
  if (body.length > MAX_BODY) throw tooLarge();
  let bytes = body.memory;
  if (bytes === null) {
    bytes = Buffer.alloc(body.length);
    bytes = bytes.subarray(0, body.read(bytes, 0));
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ConsoleError(400, 'BadBody', 'the body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConsoleError(400, 'BadBody', 'the body is not a JSON object');
  }
  return value as Body;
}
