/** Directives for responses: framing, validators, redirects, access. */

import {
  choice,
  flag,
  integer,
  listOf,
  milliseconds,
  none,
  size,
  template,
  text,
  word,
} from '../../config/argument-types.js';
import type { ConfOf, Directives } from '../../config/directive.js';
import { nearest } from '../../diagnostics/nearest.js';
import { AUTH_DELAY } from '../../exchange/access-phase.js';
import { ETAG, IF_MODIFIED_SINCE, MAX_RANGES } from '../../exchange/file-settings.js';
import { REDIRECTS } from '../../exchange/redirect.js';
import { SUBREQUESTS } from '../../exchange/subrequest.js';
import type { Scope } from '../../program/module.js';
import { EARLY_HINTS } from '../../upstream/early-hints.js';
import { anyOf } from './conditions.js';

const CONTEXTS = ['http', 'server', 'location'] as const;
const TOKENS = ['on', 'off', 'build'];

export const responseDirectives = {
  chunked_transfer_encoding: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether responses of unknown length use chunked transfer coding for HTTP/1.1 clients; otherwise the end of the connection ends the response.',
    example: 'chunked_transfer_encoding off;',
  },
  etag: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether files are sent with an `ETag`.',
    example: 'etag off;',
  },
  if_modified_since: {
    contexts: CONTEXTS,
    takes: choice('off', 'exact', 'before'),
    default: 'exact',
    doc: 'Comparison of `If-Modified-Since` with the last modification: `exact`, a response is unmodified if the times are equal; `before`, if the last modification is not later; `off`, never.',
    example: 'if_modified_since before;',
  },
  max_ranges: {
    contexts: CONTEXTS,
    takes: integer(),
    doc: 'Maximum number of ranges in a request; with more, the whole content is sent. 0 disables ranges. The default is no limit.',
    example: 'max_ranges 1;',
  },
  absolute_redirect: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether redirects issued by the proxy are absolute, with scheme, host and port.',
    example: 'absolute_redirect off;',
  },
  server_name_in_redirect: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether absolute redirects contain the first `server_name` instead of the requested host.',
    example: 'server_name_in_redirect on;',
  },
  port_in_redirect: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether absolute redirects contain the port if it is not the default port.',
    example: 'port_in_redirect off;',
  },
  server_tokens: {
    contexts: CONTEXTS,
    takes: word('on | off | build | string', (w, c) => {
      const [near] = nearest(w.text, TOKENS);
      if (near !== undefined && near !== w.text) {
        c.fail(w, 'invalid-value', `invalid value "${w.text}"`, { help: `did you mean "${near}"?` });
      }
      return w.text;
    }),
    default: 'on',
    doc: 'Content of `Server` fields and built-in pages: name and version (`on`), the name only (`off`), also the version of nginx that is followed (`build`), or the given text.',
    example: 'server_tokens off;',
    differs: 'The name is `tsproxy`, with its own version.',
    differsFor: () => false,
    differsSlightly: true,
  },
  early_hints: {
    contexts: CONTEXTS,
    takes: listOf(template),
    again: 'joins',
    doc: 'Condition for forwarding 103 (Early Hints) responses of an upstream: at least one of the strings is neither empty nor `0`. By default they are not forwarded.',
    example: 'early_hints $http_sec_fetch_mode;',
  },
  satisfy: {
    contexts: CONTEXTS,
    takes: choice('all', 'any'),
    default: 'all',
    doc: 'Whether all access modules must allow a request, or any one of them.',
    example: 'satisfy any;',
  },
  auth_delay: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '0',
    doc: 'Delay of responses to requests without valid credentials (401), which slows down guessing and hides how long a verification takes.',
    example: 'auth_delay 2s;',
  },
  internal: {
    contexts: ['location'],
    takes: none,
    doc: 'Restricts the location to internal requests (`error_page`, `try_files`, `index`, `rewrite`, `X-Accel-Redirect`); requests of clients fail with 404.',
    example: 'internal;',
  },
  post_action: {
    contexts: [...CONTEXTS, 'if in location'],
    takes: { ...text, syntax: 'uri' },
    doc: 'URI or named location (`@name`) in which a request is processed a second time when its response has been sent or its client has disconnected, for example to report it to another server. The second response is discarded, and the client does not wait for it, but the next request on the same connection does. Variables describe the response to the client: `$request_completion`, `$body_bytes_sent`, and, until the second response has a status, `$status`. The request is logged once, after the second pass, by the log settings of that location. A location that inherits `post_action` itself is processed repeatedly, up to the limit of ten redirects: set the directive only in the locations that need it. A request that ends with `return 444` is not processed again.',
    example: 'post_action /done;',
  },
  log_subrequest: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether subrequests are written to the access log.',
    example: 'log_subrequest on;',
  },
  subrequest_output_buffer_size: {
    contexts: CONTEXTS,
    takes: size,
    default: '4k',
    doc: 'Maximum size of a subrequest response that is stored in memory (`set` of the SSI command `include`).',
    example: 'subrequest_output_buffer_size 64k;',
  },
} as const satisfies Directives;

export function applyResponse(conf: ConfOf<typeof responseDirectives>, at: Scope): void {
  const { settings } = at.program;
  settings.chunkedTransferEncoding = conf.chunked_transfer_encoding;
  settings.set(ETAG, conf.etag);
  settings.set(IF_MODIFIED_SINCE, conf.if_modified_since);
  settings.set(MAX_RANGES, conf.max_ranges ?? MAX_RANGES.initial);
  settings.set(REDIRECTS, {
    absolute: conf.absolute_redirect,
    serverName: conf.server_name_in_redirect,
    port: conf.port_in_redirect,
  });
  settings.serverTokens = conf.server_tokens;
  settings.satisfy = conf.satisfy;
  settings.set(AUTH_DELAY, conf.auth_delay);
  settings.internal = conf.internal === true;
  settings.postAction = conf.post_action ?? null;
  settings.set(SUBREQUESTS, { log: conf.log_subrequest, outputBufferSize: conf.subrequest_output_buffer_size });
  if (conf.early_hints !== undefined) settings.set(EARLY_HINTS, anyOf(conf.early_hints, at));
}
