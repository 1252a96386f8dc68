/** JSON schema of HTTP archives (HAR 1.2), with the members that browsers add for WebSockets and event streams. */
import { Ajv } from 'ajv';

const PAIRS = {
  type: 'array',
  items: {
    type: 'object',
    required: ['name', 'value'],
    properties: { name: { type: 'string' }, value: { type: 'string' } },
  },
};
const SIZE = { type: 'integer', minimum: -1 };
/** A time in ms; -1: does not apply. */
const TIME = { type: 'number', minimum: -1 };
/** Seconds since 1970: not milliseconds. */
const SECONDS = { type: 'number', minimum: 1e9, maximum: 1e10 };

const SCHEMA = {
  type: 'object',
  required: ['log'],
  properties: {
    log: {
      type: 'object',
      required: ['version', 'creator', 'entries'],
      properties: {
        version: { const: '1.2' },
        creator: {
          type: 'object',
          required: ['name', 'version'],
          properties: { name: { type: 'string', minLength: 1 }, version: { type: 'string' } },
        },
        pages: { type: 'array' },
        entries: {
          type: 'array',
          items: {
            type: 'object',
            required: ['startedDateTime', 'time', 'request', 'response', 'cache', 'timings'],
            properties: {
              startedDateTime: {
                type: 'string',
                pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`,
              },
              time: { type: 'number', minimum: 0 },
              request: {
                type: 'object',
                required: [
                  'method',
                  'url',
                  'httpVersion',
                  'cookies',
                  'headers',
                  'queryString',
                  'headersSize',
                  'bodySize',
                ],
                properties: {
                  method: { type: 'string', minLength: 1 },
                  url: { type: 'string', pattern: '^(http|ws)s?://[^/]+/' },
                  httpVersion: { type: 'string', minLength: 1 },
                  cookies: PAIRS,
                  headers: PAIRS,
                  queryString: PAIRS,
                  headersSize: SIZE,
                  bodySize: SIZE,
                },
              },
              response: {
                type: 'object',
                required: [
                  ...['status', 'statusText', 'httpVersion', 'cookies', 'headers', 'content', 'redirectURL'],
                  ...['headersSize', 'bodySize'],
                ],
                properties: {
                  status: { type: 'integer', minimum: 0, maximum: 999 },
                  statusText: { type: 'string' },
                  httpVersion: { type: 'string', minLength: 1 },
                  cookies: PAIRS,
                  headers: PAIRS,
                  content: {
                    type: 'object',
                    required: ['size', 'mimeType'],
                    properties: { size: { type: 'integer' }, mimeType: { type: 'string' }, text: { type: 'string' } },
                  },
                  redirectURL: { type: 'string' },
                  headersSize: SIZE,
                  bodySize: SIZE,
                },
              },
              cache: { type: 'object' },
              timings: {
                type: 'object',
                required: ['send', 'wait', 'receive'],
                properties: {
                  blocked: TIME,
                  dns: TIME,
                  connect: TIME,
                  send: { type: 'number', minimum: 0 },
                  wait: { type: 'number', minimum: 0 },
                  receive: { type: 'number', minimum: 0 },
                  ssl: TIME,
                },
              },
              serverIPAddress: { type: 'string' },
              connection: { type: 'string' },
              _resourceType: { type: 'string' },
              _webSocketMessages: {
                type: 'array',
                items: {
                  type: 'object',
                  required: ['type', 'time', 'opcode', 'data'],
                  properties: {
                    type: { enum: ['send', 'receive'] },
                    time: SECONDS,
                    opcode: { enum: [1, 2] },
                    data: { type: 'string' },
                  },
                },
              },
              _eventSourceMessages: {
                type: 'array',
                items: {
                  type: 'object',
                  required: ['time', 'eventName', 'eventId', 'data'],
                  properties: {
                    time: SECONDS,
                    eventName: { type: 'string' },
                    eventId: { type: 'string' },
                    data: { type: 'string' },
                  },
                },
              },
            },
            if: { properties: { _resourceType: { const: 'websocket' } } },
            // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schema
            then: { required: ['_webSocketMessages'] },
          },
        },
      },
    },
  },
};

const validate = new Ajv({ allErrors: true }).compile(SCHEMA);

/** Errors of an archive; empty if it is valid. */
export function harErrors(har: unknown): string[] {
  if (validate(har)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
