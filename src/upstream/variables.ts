/** nginx's `$upstream_*` variables: the attempts of a request, and the head of the last response. */

import { cacheVariables } from '../cache/cache-variables.js';
import { setCookieValue } from '../http/cookies.js';
import { fieldsMeant, meansField } from '../http/field-variable.js';
import type { Exchange } from '../program/exchange.js';
import type { UpstreamAttempt } from '../program/upstream-attempt.js';
import type { Getter, VariableSpec } from '../program/variable-spec.js';

/**
 * Formats a value per attempt, separated by commas, or by a colon after an internal redirect to another upstream. An
 * attempt without an address stands for that redirect.
 */
function ofAttempts(value: (attempt: UpstreamAttempt) => string): Getter {
  return (x: Exchange) => {
    const { attempts } = x;
    if (attempts === null || attempts.length === 0) return undefined;
    let out = '';
    let separator = '';
    for (const attempt of attempts) {
      if (attempt.address === '') {
        separator = ' : ';
        continue;
      }
      out += separator + value(attempt);
      separator = ', ';
    }
    return out;
  };
}

/** Seconds with three decimals, or `-` if not reached. */
function seconds(ms: number): string {
  if (ms < 0) return '-';
  const whole = Math.floor(ms / 1000);
  return `${whole}.${String(Math.floor(ms - whole * 1000)).padStart(3, '0')}`;
}

function trailer(rest: string): Getter {
  return (x) => {
    let value: string | undefined;
    for (const line of x.upstreamTrailers.split('\r\n')) {
      const colon = line.indexOf(':');
      if (colon <= 0 || !meansField(rest, line.slice(0, colon))) continue;
      const text = line.slice(colon + 1).trim();
      value = value === undefined ? text : `${value}, ${text}`;
    }
    return value;
  };
}

export const upstreamVariables: Readonly<Record<string, VariableSpec>> = {
  upstream_addr: {
    get: ofAttempts(({ address }) => address),
    doc: 'The address of each server tried, or the name of the upstream if none could be tried.',
  },
  upstream_last_addr: {
    get: ({ attempts }) => {
      const address = attempts?.at(-1)?.address;
      return address?.startsWith('unix:') === true ? address : address?.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
    },
    doc: 'The IP address of the server selected last, without port, or `unix:` and its path; for `geo`, and conditions that are evaluated before a connection (`tunnel_allow_upstream`).',
  },
  upstream_status: {
    get: ofAttempts(({ status }) => (status === 0 ? '-' : String(status))),
    doc: 'The status of each response.',
  },
  upstream_queue_time: {
    get: ofAttempts(({ queueTime }) => seconds(queueTime)),
    doc: 'The time that the request waited for a server in the queue of the upstream (`queue`) before each attempt, in seconds with millisecond resolution.',
  },
  upstream_connect_time: {
    get: ofAttempts(({ connectTime }) => seconds(connectTime)),
    doc: 'The time to establish each connection, in seconds with millisecond resolution.',
  },
  upstream_header_time: {
    get: ofAttempts(({ headerTime }) => seconds(headerTime)),
    doc: 'The time until each response header was received, in seconds with millisecond resolution.',
  },
  upstream_response_time: {
    get: ofAttempts(({ responseTime }) => seconds(responseTime)),
    doc: 'The time until each response was received, in seconds with millisecond resolution.',
  },
  upstream_response_length: {
    get: ofAttempts(({ responseLength }) => String(responseLength)),
    doc: 'Bytes received of each response body, including chunk sizes.',
  },
  upstream_bytes_received: {
    get: ofAttempts(({ bytesReceived }) => String(bytesReceived)),
    doc: 'Bytes received from each server.',
  },
  upstream_bytes_sent: {
    get: ofAttempts(({ bytesSent }) => String(bytesSent)),
    doc: 'Bytes sent to each server.',
  },
  ...cacheVariables,
  'upstream_http_*': {
    family: (rest) => (x) => (x.upstreamHeaders === null ? undefined : fieldsMeant(x.upstreamHeaders, rest)),
    doc: 'A header field of the last response, by its name in lower case with `_` for `-`.',
  },
  'upstream_trailer_*': {
    family: trailer,
    doc: 'A trailer field of the last response, by its name in lower case with `_` for `-`.',
  },
  'upstream_cookie_*': {
    family: (name) => (x) =>
      x.upstreamHeaders === null ? undefined : setCookieValue(x.upstreamHeaders.all('set-cookie'), name),
    doc: 'A cookie set by the last response, by its name.',
  },
};
