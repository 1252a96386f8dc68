/** The predefined format `json` of access logs. */
import { httpExchange } from '../../exchange/exchange.js';
import { epochTime } from '../../http/clock.js';
import type { Exchange } from '../../program/exchange.js';
import type { Compiler } from '../../program/module.js';
import { redactedRequest, redactedTarget } from '../../tap/redacted-request.js';
import { TRACE } from '../../tracing/request-trace.js';
import { getterOf, type Value } from './getter.js';
import { jsonLine, type Line, type MemberType } from './json-line.js';

/** Name of the format. */
export const JSON_FORMAT = 'json';

function path({ target }: Exchange): string | undefined {
  const end = target.search(/[?#]/);
  return present(end < 0 ? target : target.slice(0, end));
}

function status({ errorStatus, response }: Exchange): string | undefined {
  const code = errorStatus !== 0 ? errorStatus : response.status;
  return code === 0 ? undefined : String(code);
}

function referer({ headers }: Exchange): string | undefined {
  const value = headers.get('referer');
  return value === undefined ? undefined : redactedTarget(value);
}

function tries({ attempts }: Exchange): string {
  let count = 0;
  for (const { address } of attempts ?? []) if (address !== '') count++;
  return String(count);
}

function completed(x: Exchange): string {
  return String(x.completed || httpExchange(x).tunnelled);
}

function present(text: string): string | undefined {
  return text === '' ? undefined : text;
}

type Source = string | Value;

/** Names, and variables or functions; docs/logs.md describes them. */
const MEMBERS: readonly (readonly [name: string, source: Source, type: MemberType])[] = [
  ['time', () => new Date(epochTime()).toISOString(), 'string'],
  ['remote_addr', 'remote_addr', 'string'],
  ['remote_user', 'remote_user', 'string'],
  ['method', (x) => present(x.method), 'string'],
  ['host', (x) => present(x.host), 'string'],
  ['path', path, 'string'],
  ['request', (x) => present(redactedRequest(x.requestLine)), 'string'],
  ['status', status, 'literal'],
  ['bytes', (x) => String(x.client.bodyBytesSent), 'literal'],
  ['request_length', (x) => String(x.client.requestLength), 'literal'],
  ['duration', 'request_time', 'literal'],
  ['completed', completed, 'literal'],
  ['referer', referer, 'string'],
  ['user_agent', ({ headers }) => headers.get('user-agent'), 'string'],
  ['server', (x) => x.server.name, 'string'],
  ['location', (x) => present(x.location.name), 'string'],
  ['upstream', 'upstream_addr', 'string'],
  ['upstream_status', 'upstream_status', 'string'],
  ['upstream_time', 'upstream_response_time', 'string'],
  ['tries', tries, 'literal'],
  ['generation', (x) => String(x.generation), 'literal'],
  ['trace_id', (x) => x.state(TRACE)?.traceId, 'string'],
  ['span_id', (x) => x.state(TRACE)?.spanId, 'string'],
];

/** Line of the format `json`. */
export function accessJsonLine(compiler: Compiler): Line {
  const sourceValue = (source: Source): Value => (typeof source === 'string' ? getterOf(source, compiler) : source);
  return jsonLine(MEMBERS.map(([name, source, type]) => ({ name, type, value: sourceValue(source) })));
}
