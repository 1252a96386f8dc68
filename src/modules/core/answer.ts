/** What answers look like, who may have them, and where they redirect to. */
import { choice, flag, integer, listOf, none, size, template, word } from '../../config/argument-types.js';
import type { ConfOf, Directives } from '../../config/directive.js';
import type { TemplateData } from '../../config/template.js';
import { nearest } from '../../diagnostics/nearest.js';
import type { Scope } from '../../exchange/module.js';
import { Template } from '../../exchange/template.js';

const CONTEXTS = ['http', 'server', 'location'] as const;
const TOKENS = ['on', 'off', 'build'];

export const answerDirectives = {
  chunked_transfer_encoding: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether an answer of unknown length is sent in chunks to HTTP/1.1 clients; otherwise it ends with the connection.',
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
    doc: 'When an answer counts as unchanged for `If-Modified-Since`: where the time is exactly that of its last change, or not before it, or never.',
    example: 'if_modified_since before;',
  },
  max_ranges: {
    contexts: CONTEXTS,
    takes: integer(),
    doc: 'How many ranges a request may ask for; with more the whole is sent. 0 switches ranges off. Without it there is no limit.',
    example: 'max_ranges 1;',
  },
  absolute_redirect: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether redirects that the proxy itself makes carry scheme, host and port.',
    example: 'absolute_redirect off;',
  },
  server_name_in_redirect: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether absolute redirects carry the first `server_name`, instead of the host that the client asked for.',
    example: 'server_name_in_redirect on;',
  },
  port_in_redirect: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether absolute redirects carry the port, where it is not the usual one.',
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
    doc: 'What `Server` fields and built-in pages say: name and version, the name alone (`off`), also the version of nginx that is followed (`build`), or a text of your own.',
    example: 'server_tokens off;',
  },
  early_hints: {
    contexts: CONTEXTS,
    takes: listOf(template),
    again: 'joins',
    doc: 'When 103 (Early Hints) answers of an upstream are passed on: where at least one of the strings is neither empty nor `0`. Without it they are not.',
    example: 'early_hints $http_sec_fetch_mode;',
  },
  satisfy: {
    contexts: CONTEXTS,
    takes: choice('all', 'any'),
    default: 'all',
    doc: 'Whether all modules that control access must let a request through, or one is enough.',
    example: 'satisfy any;',
  },
  internal: {
    contexts: ['location'],
    takes: none,
    doc: 'The location is for internal redirects only (`error_page`, `try_files`, `index`, `rewrite`, `X-Accel-Redirect`); to clients it is 404.',
    example: 'internal;',
  },
  log_subrequest: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether subrequests are logged as requests are.',
    example: 'log_subrequest on;',
  },
  subrequest_output_buffer_size: {
    contexts: CONTEXTS,
    takes: size,
    default: '4k',
    doc: 'How large the answer to a subrequest may be that is kept in memory (`set` of the SSI command `include`).',
    example: 'subrequest_output_buffer_size 64k;',
  },
} as const satisfies Directives;

export function applyAnswer(conf: ConfOf<typeof answerDirectives>, at: Scope): void {
  const { settings } = at.program;
  settings.chunkedTransferEncoding = conf.chunked_transfer_encoding;
  settings.etag = conf.etag;
  settings.ifModifiedSince = conf.if_modified_since;
  settings.maxRanges = conf.max_ranges ?? -1;
  settings.absoluteRedirect = conf.absolute_redirect;
  settings.serverNameInRedirect = conf.server_name_in_redirect;
  settings.portInRedirect = conf.port_in_redirect;
  settings.serverTokens = conf.server_tokens;
  settings.satisfy = conf.satisfy;
  settings.internal = conf.internal === true;
  settings.logSubrequest = conf.log_subrequest;
  settings.subrequestOutputBufferSize = conf.subrequest_output_buffer_size;
  settings.earlyHints = conf.early_hints === undefined ? null : anyOf(conf.early_hints, at);
}

/** A template that is `1` where one of these is neither empty nor `0`, and empty otherwise. */
function anyOf(data: readonly TemplateData[], at: Scope): Template {
  const { compiler } = at;
  const templates = data.map((each) => compiler.template(each));
  const [only] = templates;
  if (only !== undefined && templates.length === 1) return only;
  // A name that no configuration can write.
  const variable = compiler.define(`any of ${JSON.stringify(data)}`, (x) =>
    templates.some((each) => {
      const value = each.of(x);
      return value !== '' && value !== '0';
    })
      ? '1'
      : '',
  );
  return new Template(null, [variable]);
}
