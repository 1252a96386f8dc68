/** Predefined formats of `websocket_log`. */
import { escapeLog } from '../../logging/log-escape.js';
import type { Compiler } from '../../program/module.js';
import { getterOf } from './getter.js';
import { jsonLine, type Line, type MemberType } from './json-line.js';

/** Names of the formats, in text and in JSON. */
export const WEBSOCKET = 'websocket';
export const WEBSOCKET_JSON = 'websocket_json';

const TEXT =
  '$remote_addr - $remote_user [$time_local] "$request" $websocket_event upstream=$upstream_addr ' +
  'generation=$config_generation duration=$websocket_duration closed_by=$websocket_closed_by ' +
  'code=$websocket_close_code reason="$websocket_close_reason" ' +
  'received=$websocket_messages_received/$websocket_frames_received/$websocket_bytes_received ' +
  'sent=$websocket_messages_sent/$websocket_frames_sent/$websocket_bytes_sent ' +
  'rtt=$websocket_client_rtt/$websocket_upstream_rtt';

/** Line of the format `websocket`. */
export function textLine(compiler: Compiler): Line {
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

/** Members of the format `websocket_json`. */
const MEMBERS: readonly (readonly [name: string, variable: string, type: MemberType])[] = [
  ['time', 'time_iso8601', 'string'],
  ['event', 'websocket_event', 'string'],
  ['remote_addr', 'remote_addr', 'string'],
  ['remote_user', 'remote_user', 'string'],
  ['request', 'request', 'string'],
  ['host', 'host', 'string'],
  ['upstream', 'upstream_addr', 'string'],
  ['generation', 'config_generation', 'literal'],
  ['duration', 'websocket_duration', 'literal'],
  ['closed_by', 'websocket_closed_by', 'string'],
  ['code', 'websocket_close_code', 'literal'],
  ['reason', 'websocket_close_reason', 'string'],
  ['messages_received', 'websocket_messages_received', 'literal'],
  ['frames_received', 'websocket_frames_received', 'literal'],
  ['bytes_received', 'websocket_bytes_received', 'literal'],
  ['invalid_frames_received', 'websocket_invalid_frames_received', 'literal'],
  ['messages_sent', 'websocket_messages_sent', 'literal'],
  ['frames_sent', 'websocket_frames_sent', 'literal'],
  ['bytes_sent', 'websocket_bytes_sent', 'literal'],
  ['invalid_frames_sent', 'websocket_invalid_frames_sent', 'literal'],
  ['client_rtt', 'websocket_client_rtt', 'literal'],
  ['upstream_rtt', 'websocket_upstream_rtt', 'literal'],
];

/** Line of the format `websocket_json`. */
export function websocketJsonLine(compiler: Compiler): Line {
  return jsonLine(MEMBERS.map(([name, variable, type]) => ({ name, type, value: getterOf(variable, compiler) })));
}
