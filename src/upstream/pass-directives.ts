/** Directives that nginx repeats for each upstream protocol under its own prefix (`proxy_…`, `grpc_…`). */
import {
  bitmask,
  buffers,
  flag,
  integer,
  mapped,
  milliseconds,
  pair,
  size,
  template,
  text,
} from '../config/argument-types.js';
import type { ConfOf, Context, DirectiveSpec } from '../config/directive.js';
import { type Under, under, type Value, valuesUnder } from '../config/prefixed-directives.js';
import { rate } from '../config/rate-argument.js';
import { temporaryPath } from '../config/temporary-path-argument.js';
import type { Compiler } from '../program/module.js';
import { defaultTemporaryPath } from '../program/temporary-directory.js';
import { connectionDirectives, lowWaterMark } from './connection-directives.js';
import type { UpstreamSettings } from './forwarding-rules.js';
import { NEXT_UPSTREAM, type NextUpstream } from './next-upstream.js';

const CONTEXTS: readonly Context[] = ['http', 'server', 'location'];

const nextUpstreamConditions = bitmask(
  'error',
  'timeout',
  'denied',
  'invalid_header',
  'non_idempotent',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'off',
);

const IGNORABLE = [
  'X-Accel-Redirect',
  'X-Accel-Expires',
  'X-Accel-Limit-Rate',
  'X-Accel-Buffering',
  'X-Accel-Charset',
  'Expires',
  'Cache-Control',
  'Set-Cookie',
  'Vary',
] as const;

/** `number size`, the argument of `proxy_buffers`. */
const atLeastTwoBuffers = mapped(buffers, (value, c, [first = c.statement]) => {
  if (value[0] < 2) c.fail(first, 'invalid-value', `there must be at least 2 "${c.directive}"`);
  return value;
});

/** Directives that all modules have, without their prefix; `p` is the prefix with its underscore, for examples and texts. */
function common(p: string) {
  return {
    ...connectionDirectives(p),
    read_timeout: {
      contexts: CONTEXTS,
      takes: milliseconds,
      default: '60s',
      doc: 'Timeout between two successive reads of the response body, not for the whole response. The response head must be complete within that time. A tunnel (WebSocket) is closed if no data was transmitted in either direction for that time.',
      example: `${p}read_timeout 1h;`,
    },
    buffer_size: {
      contexts: CONTEXTS,
      takes: size,
      default: '4k',
      doc: 'Maximum size of the response head of the upstream; a larger one fails with 502.',
      example: `${p}buffer_size 8k;`,
    },
    intercept_errors: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether upstream responses with a status of 300 or above are replaced by the corresponding `error_page`.',
      example: `${p}intercept_errors on;`,
    },
    next_upstream: {
      contexts: CONTEXTS,
      takes: nextUpstreamConditions,
      again: 'joins',
      default: 'error timeout',
      doc: 'Conditions under which a request is passed to the next server. Requests with a non-idempotent method (POST, LOCK, PATCH) that have been sent are retried only with `non_idempotent`.',
      example: `${p}next_upstream error timeout http_502;`,
    },
    hide_header: {
      contexts: CONTEXTS,
      takes: text,
      repeat: true,
      doc: 'Field of upstream responses that is not sent to the client.',
      example: `${p}hide_header X-Powered-By;`,
    },
    pass_header: {
      contexts: CONTEXTS,
      takes: text,
      repeat: true,
      doc: 'Field that is hidden by default (`Date`, `Server`, `X-Pad`, `X-Accel-…`) and is to be sent to the client.',
      example: `${p}pass_header Server;`,
    },
    ignore_headers: {
      contexts: CONTEXTS,
      takes: bitmask(...IGNORABLE),
      again: 'joins',
      doc: 'Fields of upstream responses that have no effect on the proxy.',
      example: `${p}ignore_headers X-Accel-Redirect;`,
    },
    set_header: {
      contexts: CONTEXTS,
      takes: headerField(),
      repeat: true,
      doc: 'Field of requests to the upstream; a field with an empty value is not sent. A level with such directives of its own inherits none.',
      example: `${p}set_header Host $host;`,
    },
  } as const satisfies Record<string, DirectiveSpec>;
}

/** Directives of modules that buffer requests and responses. */
function buffering(p: string) {
  return {
    ...lowWaterMark(p),
    buffers: {
      contexts: CONTEXTS,
      takes: atLeastTwoBuffers,
      default: '8 4k',
      doc: `Number and size of the buffers for one response: the amount that is buffered in memory for a slow client before the rest is written to a file (\`${p}max_temp_file_size\`).`,
      example: `${p}buffers 8 16k;`,
      differs:
        'Buffers are not allocated before they are needed, and data is not delayed until a buffer is full: it is forwarded as soon as the client can receive it. One read from the upstream, 128k, may be buffered in addition.',
      differsFor: () => false,
    },
    busy_buffers_size: {
      contexts: CONTEXTS,
      takes: size,
      doc: 'In nginx, the maximum size of buffers that may be busy sending while the response is still being read.',
      example: `${p}busy_buffers_size 16k;`,
      noEffect: 'data that is being sent is in the client socket, not in these buffers',
    },
    buffering: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'on',
      doc: `Whether the response is read as fast as the upstream sends it. Data that a slow client has not received yet is then buffered in memory (\`${p}buffers\`) and in a temporary file (\`${p}max_temp_file_size\`), and the upstream connection is available again as soon as the response is complete. With \`off\`, a slow client slows down the upstream, and \`limit_rate\` does not apply. A response can override the setting with \`X-Accel-Buffering: yes\` or \`no\`.`,
      example: `${p}buffering off;`,
      differs:
        'In both modes, data is forwarded immediately if the client can receive it, so that streams never stall.',
      differsFor: () => false,
      differsSlightly: true,
    },
    max_temp_file_size: {
      contexts: CONTEXTS,
      takes: size,
      default: '1024m',
      doc: 'Maximum size of the temporary file of a response when the client is slower than the upstream; when it is reached, reading from the upstream pauses. 0 disables temporary files.',
      example: `${p}max_temp_file_size 0;`,
      differs:
        'When all data in the file has been sent, its space is reused; in nginx, the file of a response only grows. Before the file is used, the upstream waits for the client for up to 100 ms per response.',
      differsFor: () => false,
      differsSlightly: true,
    },
    temp_file_write_size: {
      contexts: CONTEXTS,
      takes: size,
      doc: 'Maximum amount of data written to a temporary file at a time. The default is all data that is buffered in memory.',
      example: `${p}temp_file_write_size 16k;`,
      differs: "nginx's default is two buffers.",
      differsFor: () => false,
    },
    temp_path: {
      contexts: CONTEXTS,
      takes: temporaryPath,
      doc: `Directory for temporary files with responses, with up to three levels of subdirectories, each named by the given number of digits of the file number. The default is \`${p}temp\` below the prefix if that exists, otherwise a directory below the \`StateDirectory\` or \`RuntimeDirectory\` of systemd, otherwise a private directory in the temporary directory of the system. A file is unlinked as soon as it is open, so that none is left behind.`,
      example: `${p}temp_path ${p}temp 1 2;`,
      differs:
        'The default directory is created when it is first needed. File names are random numbers. A directory that another user controls is refused. Data that cannot be written stays in memory; nginx truncates the response.',
      differsFor: () => false,
    },
    limit_rate: {
      contexts: CONTEXTS,
      takes: rate,
      default: '0',
      doc: `Limits the rate of reading a response from the upstream, in bytes per second; 0 disables the limit. The limit applies per request, and only if the response is buffered (\`${p}buffering\`). The value may contain variables.`,
      example: `${p}limit_rate 1m;`,
    },
    request_buffering: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'on',
      doc: 'Whether the entire request body is read before the request is sent to an upstream. With `off`, the body is forwarded as it is received, and the request cannot be retried at another server once part of it has been sent.',
      example: `${p}request_buffering off;`,
    },
    ignore_client_abort: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether the upstream request continues when the client closes its connection.',
      example: `${p}ignore_client_abort on;`,
    },
    pass_request_headers: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'on',
      doc: "Whether the client's header fields are forwarded.",
      example: `${p}pass_request_headers off;`,
    },
    pass_request_body: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'on',
      doc: "Whether the client's body is forwarded.",
      example: `${p}pass_request_body off;`,
      differs:
        'nginx sends the `Content-Length` of the omitted body unless the field is set to an empty value; here the request to the upstream has no body.',
      differsFor: ([value]) => value === 'off',
    },
    pass_trailers: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether trailer fields of upstream responses are forwarded.',
      example: `${p}pass_trailers on;`,
    },
    headers_hash_max_size: {
      contexts: CONTEXTS,
      takes: integer({ min: 1 }),
      doc: 'Maximum size of the hash table of field names.',
      example: `${p}headers_hash_max_size 1024;`,
      noEffect: 'tables grow as needed',
    },
    headers_hash_bucket_size: {
      contexts: CONTEXTS,
      takes: integer({ min: 1 }),
      doc: 'Bucket size of the hash table of field names.',
      example: `${p}headers_hash_bucket_size 128;`,
      noEffect: 'tables grow as needed',
    },
  } as const satisfies Record<string, DirectiveSpec>;
}

function headerField() {
  return mapped(pair(text, templateWord()), ([name, value]) => ({ name, value }));
}

function templateWord() {
  return { ...template, syntax: 'value' };
}

type Common = ReturnType<typeof common>;
type Buffering = ReturnType<typeof buffering>;
type Family = Common & Buffering;
export type BufferedDirectives<P extends string> = Under<P, Family>;
export type UnbufferedDirectives<P extends string> = Under<P, Common>;

/** The directives of a module that buffers requests and responses, to be spread into its directives. */
export function bufferedDirectives<P extends string>(prefix: P): BufferedDirectives<P> {
  return under(prefix, { ...common(`${prefix}_`), ...buffering(`${prefix}_`) });
}

/** The directives of a module that passes requests and responses on as they arrive. */
export function unbufferedDirectives<P extends string>(prefix: P): UnbufferedDirectives<P> {
  return under(prefix, common(`${prefix}_`));
}

function commonSettings(value: Value<Common>) {
  const ignored = value('ignore_headers') ?? [];
  return {
    connectTimeout: value('connect_timeout'),
    sendTimeout: value('send_timeout'),
    readTimeout: value('read_timeout'),
    nextUpstream: bits(value('next_upstream')),
    nextUpstreamTries: value('next_upstream_tries'),
    nextUpstreamTimeout: value('next_upstream_timeout'),
    bufferSize: value('buffer_size'),
    interceptErrors: value('intercept_errors'),
    obeysRedirect: !ignored.includes('X-Accel-Redirect'),
    obeysBuffering: !ignored.includes('X-Accel-Buffering'),
    obeysLimitRate: !ignored.includes('X-Accel-Limit-Rate'),
  };
}

/** Settings of the request engine for a module with `bufferedDirectives`. */
export function bufferedSettings<P extends string>(
  prefix: P,
  conf: ConfOf<BufferedDirectives<P>>,
  compiler: Compiler,
): UpstreamSettings {
  const value = valuesUnder<Family>(prefix, conf);
  const [number, bytes] = value('buffers');
  return {
    ...commonSettings(value),
    limitRate: value('limit_rate') === '0' ? null : compiler.template(value('limit_rate')),
    requestBuffering: value('request_buffering'),
    buffering: value('buffering'),
    spool: {
      memory: value('buffer_size') + number * bytes,
      file: value('max_temp_file_size'),
      writeSize: value('temp_file_write_size') ?? Number.POSITIVE_INFINITY,
      place: value('temp_path') ?? defaultTemporaryPath(compiler, `${prefix}_temp`),
    },
    store: null,
    cache: null,
    ignoreClientAbort: value('ignore_client_abort'),
    passTrailers: value('pass_trailers'),
  };
}

/** Settings of the request engine for a module with `unbufferedDirectives`; trailers are passed on. */
export function unbufferedSettings<P extends string>(
  prefix: P,
  conf: ConfOf<UnbufferedDirectives<P>>,
  compiler: Compiler,
): UpstreamSettings {
  const settings = commonSettings(valuesUnder<Common>(prefix, conf));
  return {
    ...settings,
    limitRate: null,
    requestBuffering: false,
    buffering: false,
    // Used by responses with `X-Accel-Buffering: yes` only.
    spool: {
      memory: settings.bufferSize,
      file: 0,
      writeSize: Number.POSITIVE_INFINITY,
      place: defaultTemporaryPath(compiler, `${prefix}_temp`),
    },
    store: null,
    cache: null,
    ignoreClientAbort: false,
    passTrailers: true,
  };
}

function bits(names: readonly NextUpstream[]): number {
  return names.includes('off') ? 0 : names.reduce((sum, name) => sum | NEXT_UPSTREAM[name], 0);
}
