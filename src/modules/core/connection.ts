/** What becomes of a client's connection: keep-alive, timeouts, lingering, rates. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { choice, custom, flag, integer, milliseconds } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import { rate } from '../../config/rate-argument.js';
import type { TemplateData } from '../../config/template.js';
import { parseMilliseconds, parseSeconds } from '../../config/units.js';
import type { Scope } from '../../exchange/module.js';

/** How long connections are kept (ms), and what a `Keep-Alive` field says (seconds; 0: there is none). */
export interface KeepaliveTimeout {
  readonly timeout: number;
  readonly header: number;
}

function parseKeepaliveTimeout(words: readonly Word[], c: ArgumentContext): KeepaliveTimeout {
  const [first, second] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
  const timeout = parseMilliseconds(first.text);
  const header = second === undefined ? 0 : parseSeconds(second.text);
  const help = 'it is written: keepalive_timeout timeout [header_timeout];';
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
    doc: 'How long a connection is kept for further requests; 0 closes it after the answer. The second time goes into a `Keep-Alive: timeout=` field.',
    example: 'keepalive_timeout 65s 60s;',
  },
  keepalive_requests: {
    contexts: CONTEXTS,
    takes: integer(),
    default: '1000',
    doc: 'After how many requests a connection is closed.',
    example: 'keepalive_requests 100;',
  },
  keepalive_time: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '1h',
    doc: 'After what time a connection is closed with the next answer.',
    example: 'keepalive_time 10m;',
  },
  keepalive_min_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '0',
    noEffect: 'A reload does not close connections that are idle.',
    doc: 'In nginx, how long an idle connection is kept at least when its worker process is to end.',
    example: 'keepalive_min_timeout 5s;',
  },
  send_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '60s',
    doc: 'How long a client may take nothing of an answer; then the connection is closed.',
    example: 'send_timeout 30s;',
  },
  lingering_close: {
    contexts: CONTEXTS,
    takes: choice('off', 'on', 'always'),
    default: 'on',
    doc: 'Whether the rest of what a client sends is read and dropped before its connection is closed, so that it sees the answer: where there may be a rest (`on`), `always`, or never (`off`).',
    example: 'lingering_close always;',
  },
  lingering_time: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '30s',
    doc: 'For how long at most the rest is read.',
    example: 'lingering_time 10s;',
  },
  lingering_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '5s',
    doc: 'How long to wait for more of the rest.',
    example: 'lingering_timeout 2s;',
  },
  reset_timedout_connection: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether connections that timed out, and those closed with the status 444, are reset: the system then keeps nothing of them.',
    example: 'reset_timedout_connection on;',
  },
  limit_rate: {
    contexts: RATE_CONTEXTS,
    takes: rate,
    default: '0',
    doc: 'How many bytes of an answer are sent in a second; 0 is no limit. It holds for each request by itself. The value may have variables, and `set $limit_rate` changes it.',
    example: 'limit_rate 100k;',
  },
  limit_rate_after: {
    contexts: RATE_CONTEXTS,
    takes: rate,
    default: '0',
    doc: 'After how many bytes of an answer `limit_rate` begins.',
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
  settings.limitRate = rateTemplate(conf.limit_rate, at);
  settings.limitRateAfter = rateTemplate(conf.limit_rate_after, at);
}

function rateTemplate(data: TemplateData, at: Scope) {
  return data === '0' ? null : at.compiler.template(data);
}
