/** njs's `js_fetch_*`: settings of `ngx.fetch`. */
import { bitmask, custom, flag, integer, milliseconds, named, size, text } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { Context, Directives } from '../config/directive.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { defineModule } from '../program/module.js';
import { compileFetch, FETCH_DEFAULTS, LOCATION_FETCH } from '../scripting/location-fetch.js';
import { parseProxyUrl } from '../scripting/njs/fetch-proxy.js';
import { plainFile, plainFiles } from '../tls/arguments.js';

const LEVELS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const proxyUrl = custom('url', 1, 1, ([word], c): TemplateData => {
  if (word === undefined) return ''; // one word: `min` and `max`
  const template = parseTemplate(word, c);
  if (typeof template !== 'string') return template;
  const parsed = parseProxyUrl(template);
  if (parsed === null) c.fail(word, 'invalid-value', `proxy host is empty in URL: ${word.text}`);
  else if ('mistake' in parsed) {
    c.fail(word, 'invalid-value', `invalid proxy URL: ${word.text}`, {
      help: `${parsed.mistake}; the syntax is http://[user:password@]host[:port]`,
    });
  }
  return template;
});

const directives = {
  js_fetch_buffer_size: {
    contexts: LEVELS,
    takes: size,
    default: '16k',
    doc: 'Maximum size of the head of a response to `ngx.fetch()`.',
    example: 'js_fetch_buffer_size 32k;',
  },
  js_fetch_max_response_buffer_size: {
    contexts: LEVELS,
    takes: size,
    default: '1m',
    doc: 'Maximum size of the body of a response to `ngx.fetch()`; a larger one rejects the promise.',
    example: 'js_fetch_max_response_buffer_size 8m;',
  },
  js_fetch_timeout: {
    contexts: LEVELS,
    takes: milliseconds,
    default: '60s',
    doc: 'Timeout of `ngx.fetch()` for opening a connection, and between two successive reads or writes.',
    example: 'js_fetch_timeout 5s;',
  },
  js_fetch_ciphers: {
    contexts: LEVELS,
    takes: named('ciphers', text),
    default: FETCH_DEFAULTS.js_fetch_ciphers,
    doc: 'Enabled ciphers of TLS 1.2 and older for https URLs of `ngx.fetch()`, as a list of OpenSSL.',
    example: 'js_fetch_ciphers HIGH:!aNULL:!MD5;',
  },
  js_fetch_protocols: {
    contexts: LEVELS,
    takes: bitmask('TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'),
    default: FETCH_DEFAULTS.js_fetch_protocols.join(' '),
    doc: 'Enabled protocols for https URLs of `ngx.fetch()`.',
    example: 'js_fetch_protocols TLSv1.3;',
  },
  js_fetch_verify: {
    contexts: LEVELS,
    takes: flag,
    default: 'on',
    doc: 'Whether the certificates of servers are verified for https URLs of `ngx.fetch()`; the option `verify` of a call takes precedence.',
    example: 'js_fetch_verify off;',
  },
  js_fetch_verify_depth: {
    contexts: LEVELS,
    takes: integer(),
    default: '100',
    doc: 'Maximum number of intermediate certificates between the certificate of a server and a trusted authority.',
    example: 'js_fetch_verify_depth 2;',
  },
  js_fetch_trusted_certificate: {
    contexts: LEVELS,
    takes: plainFile,
    files: plainFiles,
    doc: 'File with certificates of authorities (PEM) that verify the certificates of servers. Without it, those of Node.js are trusted.',
    differs: 'nginx trusts no authority without it.',
    differsSlightly: true,
    example: 'js_fetch_trusted_certificate ca.crt;',
  },
  js_fetch_keepalive: {
    contexts: LEVELS,
    takes: integer(),
    default: '0',
    doc: 'Maximum number of idle connections of `ngx.fetch()` that a worker keeps for the location; 0: each connection is used once. If `js_fetch_proxy` has variables, none are kept.',
    example: 'js_fetch_keepalive 16;',
  },
  js_fetch_keepalive_requests: {
    contexts: LEVELS,
    takes: integer(),
    default: '1000',
    doc: 'Maximum number of requests on a kept connection.',
    example: 'js_fetch_keepalive_requests 100;',
  },
  js_fetch_keepalive_time: {
    contexts: LEVELS,
    takes: milliseconds,
    default: '1h',
    doc: 'Time after which a kept connection is closed at the end of a request.',
    example: 'js_fetch_keepalive_time 10m;',
  },
  js_fetch_keepalive_timeout: {
    contexts: LEVELS,
    takes: milliseconds,
    default: '60s',
    doc: 'Time for which a kept connection may be idle.',
    example: 'js_fetch_keepalive_timeout 10s;',
  },
  js_fetch_proxy: {
    contexts: LEVELS,
    takes: proxyUrl,
    doc: 'Forward proxy of `ngx.fetch()`, `http://[user:password@]host[:port]`: user and password may be percent-encoded, the port is 3128 without one. Requests for `http` URLs are sent to it in absolute form; for `https` it opens a tunnel (CONNECT). The value may contain variables; an empty one means no proxy.',
    example: 'js_fetch_proxy http://proxy.example.com:3128;',
  },
} as const satisfies Directives;

const NAMES = Object.keys(directives);

export default defineModule({
  name: 'js_fetch',
  doc: 'Settings of `ngx.fetch()`, the HTTP client of scripts.',
  directives,
  settings(_conf, { block, program, compiler }) {
    if (!hasSettings(block)) return;
    const fetch = compileFetch(block, compiler);
    program.settings.set(LOCATION_FETCH, fetch);
    compiler.shared.set(`fetch of location ${++count}`, fetch.connections);
  },
});

/** Number of locations so far, for unique names. */
let count = 0;

function hasSettings({ values }: CheckedBlock): boolean {
  return NAMES.some((name) => values[name] !== undefined);
}
