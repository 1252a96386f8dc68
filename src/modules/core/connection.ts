/** Directives for client connections: keep-alive, timeouts, lingering close, rates. */

import type { Word } from '../../../grammar/syntax-tree.js';
import { choice, custom, flag, integer, milliseconds } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import { rate } from '../../config/rate-argument.js';
import type { TemplateData } from '../../config/template.js';
import { parseMilliseconds, parseSeconds } from '../../config/units.js';
import { RATE } from '../../exchange/pace.js';
import type { Scope } from '../../program/module.js';

/** Keep-alive timeout (ms), and the value of the `Keep-Alive` field (seconds; 0: no field). */
export interface KeepaliveTimeout {
  readonly timeout: number;
  readonly header: number;
}

function parseKeepaliveTimeout(words: readonly Word[], c: ArgumentContext): KeepaliveTimeout {
  const [first, second] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
  const timeout = parseMilliseconds(first.text);
  const header = second === undefined ? 0 : parseSeconds(second.text);
  const help = 'syntax: keepalive_timeout timeout [header_timeout];';
  if (timeout === null) return c.fail(first, 'invalid-value', `"${c.directive}" directive invalid value`, { help });
  if (header === null) {
    return c.fail(second ?? first, 'invalid-value', `"${c.directive}" directive invalid value`, { help });
  }
  return { timeout, header };
}

const CONTEXTS = ['http', 'server', 'location'] as const;
const RATE_CONTEXTS = [...CONTEXTS, 'if in location'] as const;

export const connectionDirectives = {
  keepalive_timeout: {
    contexts: CONTEXTS,
    takes: custom('timeout [header_timeout]', 1, 2, parseKeepaliveTimeout),
    default: '75s',
    doc: 'Timeout during which an idle keep-alive connection stays open; 0 disables keep-alive. The second time is sent in a `Keep-Alive: timeout=` field.',
    example: 'keepalive_timeout 65s 60s;',
  },
  keepalive_requests: {
    contexts: CONTEXTS,
    takes: integer(),
    default: '1000',
    doc: 'Maximum number of requests on one connection.',
    example: 'keepalive_requests 100;',
  },
  keepalive_time: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '1h',
    doc: 'Maximum lifetime of a connection; after it, the connection is closed with the next response.',
    example: 'keepalive_time 10m;',
  },
  keepalive_min_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '0',
    noEffect: 'A reload does not close idle connections.',
    doc: 'In nginx, the minimum time for which an idle connection stays open when its worker process shuts down.',
    example: 'keepalive_min_timeout 5s;',
  },
  send_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '60s',
    doc: 'Timeout between two successive writes of a response to a client; then the connection is closed.',
    example: 'send_timeout 30s;',
  },
  lingering_close: {
    contexts: CONTEXTS,
    takes: choice('off', 'on', 'always'),
    default: 'on',
    doc: 'Whether further data from a client is read and discarded before its connection is closed, so that it receives the response: if more data may arrive (`on`), always (`always`), or never (`off`).',
    example: 'lingering_close always;',
  },
  lingering_time: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '30s',
    doc: 'Maximum time of reading and discarding client data.',
    example: 'lingering_time 10s;',
  },
  lingering_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '5s',
    doc: 'Maximum time of waiting for further client data.',
    example: 'lingering_timeout 2s;',
  },
  reset_timedout_connection: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether connections that timed out or are closed with status 444 are reset, so that the system frees their memory immediately.',
    example: 'reset_timedout_connection on;',
  },
  limit_rate: {
    contexts: RATE_CONTEXTS,
    takes: rate,
    default: '0',
    doc: 'Limits the rate of a response, in bytes per second; 0 disables the limit. The limit applies per request. The value may contain variables, and `set $limit_rate` changes it.',
    example: 'limit_rate 100k;',
  },
  limit_rate_after: {
    contexts: RATE_CONTEXTS,
    takes: rate,
    default: '0',
    doc: 'Initial amount of a response, in bytes, that `limit_rate` does not limit.',
    example: 'limit_rate_after 1m;',
  },
} as const satisfies Directives;

export function applyConnection(conf: ConfOf<typeof connectionDirectives>, at: Scope): void {
  const { settings } = at.program;
  settings.keepaliveTimeout = conf.keepalive_timeout.timeout;
  settings.keepaliveHeader = conf.keepalive_timeout.header;
  settings.keepaliveRequests = conf.keepalive_requests;
  settings.keepaliveTime = conf.keepalive_time;
  settings.sendTimeout = conf.send_timeout;
  settings.lingeringClose = conf.lingering_close;
  settings.lingeringTime = conf.lingering_time;
  settings.lingeringTimeout = conf.lingering_timeout;
  settings.resetTimedoutConnection = conf.reset_timedout_connection;
  settings.set(RATE, { rate: rateTemplate(conf.limit_rate, at), after: rateTemplate(conf.limit_rate_after, at) });
}

function rateTemplate(data: TemplateData, at: Scope) {
  return data === '0' ? null : at.compiler.template(data);
}
