/** Variables that are defined only in logs, or have a special form there. */

import { callbackTime, epochTime, iso8601Time, localTime } from '../../http/clock.js';
import type { Exchange } from '../../program/exchange.js';
import type { VariableSpec } from '../../program/variable-spec.js';

/** Formats ms as seconds with three decimals. */
function seconds(ms: number): string {
  const whole = Math.floor(ms / 1000);
  return `${whole}.${String(Math.floor(ms - whole * 1000)).padStart(3, '0')}`;
}

function status(x: Exchange): string {
  const code = x.errorStatus !== 0 ? x.errorStatus : x.response.status;
  if (code !== 0) return String(code);
  return x.version === 9 ? '009' : '000';
}

/** Their values are not escaped in log lines. */
export const variables: Readonly<Record<string, VariableSpec>> = {
  pipe: { get: (x) => (x.client.pipelined ? 'p' : '.'), doc: '`p` if the request was pipelined, otherwise `.`.' },
  time_local: { get: localTime, doc: 'The local time as `28/Sep/1970:12:00:00 +0600`.' },
  time_iso8601: { get: iso8601Time, doc: 'The local time as `1970-09-28T12:00:00+06:00`.' },
  msec: { get: () => seconds(epochTime()), doc: 'The time in seconds since 1970, with milliseconds.' },
  request_time: {
    get: (x) => seconds(Math.max(0, callbackTime() - x.startTime)),
    doc: 'Seconds since the first byte of the request was read, with milliseconds.',
  },
  status: { get: status, doc: 'Status of the response.' },
  bytes_sent: { get: (x) => String(x.client.bytesSent), doc: 'Bytes sent to the client, including heads.' },
  body_bytes_sent: {
    get: (x) => String(x.client.bodyBytesSent),
    doc: 'Bytes sent to the client after the head: the body, including chunk sizes of the chunked coding.',
  },
  request_length: {
    get: (x) => String(x.client.requestLength),
    doc: 'Length of the request in bytes: request line, header and body.',
  },
};
