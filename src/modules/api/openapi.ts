/** The OpenAPI document of the API, derived from its routes. */
import { VERSION } from '../../http/software.js';
import { type ApiMethod, type ApiOperation, METHODS, type Route } from './route.js';

const ERROR = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: { status: { type: 'integer' }, text: { type: 'string' }, code: { type: 'string' } },
      required: ['status', 'text', 'code'],
    },
  },
  required: ['error'],
};

/** Statuses of errors of every operation, and of those that change something. */
const ERRORS = [400, 403, 404, 405, 421, 503];
const WRITE_ERRORS = [413, 415];

/** `server`: URI of the API with its version. */
export function openApi(routes: readonly Route[], server: string): unknown {
  const paths: Record<string, unknown> = {};
  for (const route of routes) {
    const operations = METHODS.flatMap((method) => {
      const operation = route[method];
      return operation === undefined ? [] : [[method, described(route, method, operation)] as const];
    });
    const parameters = Object.entries(route.parameters ?? {}).map(([name, description]) => ({
      name,
      in: 'path',
      required: true,
      description,
      schema: { type: 'string' },
    }));
    paths[route.path] = { ...(parameters.length > 0 && { parameters }), ...Object.fromEntries(operations) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'tsproxy API',
      version: VERSION,
      description: 'Shows and changes a running proxy. Its shape is that of the nginx Plus API, with extensions.',
    },
    servers: [{ url: server }],
    paths,
    components: { schemas: { Error: ERROR } },
  };
}

function described({ path }: Route, method: ApiMethod, operation: ApiOperation): unknown {
  const { summary, query = [], body, success, errors = [] } = operation;
  const statuses = new Set([...ERRORS, ...(method === 'get' ? [] : WRITE_ERRORS), ...errors]);
  const content = success.schema === undefined ? {} : { content: { 'application/json': { schema: success.schema } } };
  const failures = [...statuses]
    .sort()
    .map((status) => [
      status,
      { description: 'Error', content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
    ]);
  return {
    operationId: `${method}${path.replace(/[/{}_]+(\w?)/g, (_all, first: string) => first.toUpperCase())}`,
    summary,
    ...(query.length > 0 && { parameters: query.map((each) => ({ in: 'query', ...each })) }),
    ...(body !== undefined && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { [success.status]: { description: 'Success', ...content }, ...Object.fromEntries(failures) },
  };
}
