/** Predefined formats of `websocket_log`. */
import { toUtf8 } from '../../diagnostics/byte-string.js';
import { escapeJson, escapeLog } from '../../logging/log-escape.js';
import type { Exchange } from '../../program/exchange.js';
import type { Compiler } from '../../program/module.js';
import { websocketVariables } from '../../tunnel/websocket-variables.js';
import { upstreamVariables } from '../../upstream/variables.js';
import { variables } from './variables.js';

/** Names of the formats, in text and in JSON. */
export const WEBSOCKET = 'websocket';
export const WEBSOCKET_JSON = 'websocket_json';

type Value = (x: Exchange) => string | undefined;

/** The modules of these variables need not be loaded. */
function getterOf(name: string, compiler: Compiler): Value {
  const getter = (variables[name] ?? websocketVariables[name] ?? upstreamVariables[name])?.get;
  if (getter !== undefined) return getter;
  const variable = compiler.variable(name);
  return (x) => variable.value(x);
}

const TEXT =
  '$remote_addr - $remote_user [$time_local] "$request" $websocket_event upstream=$upstream_addr ' +
  'generation=$config_generation duration=$websocket_duration closed_by=$websocket_closed_by ' +
  'code=$websocket_close_code reason="$websocket_close_reason" ' +
  'received=$websocket_messages_received/$websocket_frames_received/$websocket_bytes_received ' +
  'sent=$websocket_messages_sent/$websocket_frames_sent/$websocket_bytes_sent ' +
  'rtt=$websocket_client_rtt/$websocket_upstream_rtt';

/** Line of the format `websocket`. */
export function textLine(compiler: Compiler): (x: Exchange) => string {
  // Text and names alternate.
  const pieces = TEXT.split(/\$(\w+)/);
  const values = pieces.map((piece, i) => (i % 2 === 0 ? null : getterOf(piece, compiler)));
  return (x) => {
    let line = '';
    for (const [i, get] of values.entries()) {
      const value = get === null ? pieces[i] : get(x);
      line += get === null ? value : value === undefined ? '-' : escapeLog(value);
    }
    return line;
  };
}

/** Names and variables of the format in JSON; `number`: written without quotes. Without a value they are null. */
const MEMBERS: readonly (readonly [name: string, variable: string, type: 'string' | 'number'])[] = [
  ['time', 'time_iso8601', 'string'],
  ['event', 'websocket_event', 'string'],
  ['remote_addr', 'remote_addr', 'string'],
  ['remote_user', 'remote_user', 'string'],
  ['request', 'request', 'string'],
  ['host', 'host', 'string'],
  ['upstream', 'upstream_addr', 'string'],
  ['generation', 'config_generation', 'number'],
  ['duration', 'websocket_duration', 'number'],
  ['closed_by', 'websocket_closed_by', 'string'],
  ['code', 'websocket_close_code', 'number'],
  ['reason', 'websocket_close_reason', 'string'],
  ['messages_received', 'websocket_messages_received', 'number'],
  ['frames_received', 'websocket_frames_received', 'number'],
  ['bytes_received', 'websocket_bytes_received', 'number'],
  ['invalid_frames_received', 'websocket_invalid_frames_received', 'number'],
  ['messages_sent', 'websocket_messages_sent', 'number'],
  ['frames_sent', 'websocket_frames_sent', 'number'],
  ['bytes_sent', 'websocket_bytes_sent', 'number'],
  ['invalid_frames_sent', 'websocket_invalid_frames_sent', 'number'],
  ['client_rtt', 'websocket_client_rtt', 'number'],
  ['upstream_rtt', 'websocket_upstream_rtt', 'number'],
];

/** Line of the format `websocket_json`. */
export function jsonLine(compiler: Compiler): (x: Exchange) => string {
  const members = MEMBERS.map(([name, variable, type]) => ({ name, type, get: getterOf(variable, compiler) }));
  return (x) => {
    const written = members.map(({ name, type, get }) => {
      const value = get(x);
      if (value === undefined) return `"${name}":null`;
      return type === 'number' ? `"${name}":${value}` : `"${name}":"${escapeJson(toUtf8(value))}"`;
    });
    return `{${written.join(',')}}`;
  };
}
