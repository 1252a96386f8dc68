/** Limits and timeouts for reading requests, and how strictly their heads are read. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { choice, custom, flag, integer, milliseconds, offset, size } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import { temporaryPath } from '../../config/temporary-path-argument.js';
import { parseInteger, parseSize } from '../../config/units.js';
import type { Scope } from '../../exchange/module.js';
import type { ServerProgram } from '../../exchange/program.js';
import { defaultTemporaryPath } from '../../exchange/temporary-directory.js';

function parseBuffers(words: readonly Word[], c: ArgumentContext): { readonly number: number; readonly size: number } {
  const [first, second] = words as readonly [Word, Word]; // two words: `min` and `max`
  const number = parseInteger(first.text);
  const bytes = parseSize(second.text);
  if (number === null || number === 0)
    return c.fail(first, 'invalid-value', `"${c.directive}" directive invalid value`);
  if (bytes === null || bytes === 0) return c.fail(second, 'invalid-value', `"${c.directive}" directive invalid value`);
  return { number, size: bytes };
}

const SERVER = ['http', 'server'] as const;
const CONTEXTS = ['http', 'server', 'location'] as const;

export const headDirectives = {
  client_header_timeout: {
    contexts: SERVER,
    takes: milliseconds,
    default: '60s',
    doc: "How long a client may take to send the head of a request; then the connection is closed and 408 is logged. Of servers that share an address, the default server's holds; on a kept connection that of the server that the first bytes name.",
    example: 'client_header_timeout 10s;',
  },
  client_header_buffer_size: {
    contexts: SERVER,
    takes: size,
    default: '1k',
    doc: "The size of the head of a request for which no large buffers are counted. Of servers that share an address, the default server's holds.",
    example: 'client_header_buffer_size 2k;',
  },
  large_client_header_buffers: {
    contexts: SERVER,
    takes: custom('number size', 2, 2, parseBuffers),
    default: '4 8k',
    doc: "The number and the size of buffers for large heads. A request line that is longer than one of them is answered with 414, a field line with 400, a head that fills them all with 400. No line continues from one buffer to the next. Of servers that share an address, the default server's holds until the host is known, from the request line or the `Host` field, and the named server's from there on.",
    example: 'large_client_header_buffers 4 16k;',
  },
  max_headers: {
    contexts: SERVER,
    takes: integer(),
    default: '1000',
    doc: "How many field lines the head of a request may have; more are answered with 400. Of servers that share an address, the default server's holds until the host is known, from the request line or the `Host` field, and the named server's from there on.",
    example: 'max_headers 100;',
  },
  ignore_invalid_headers: {
    contexts: SERVER,
    takes: flag,
    default: 'on',
    doc: "Whether fields whose names have other characters than letters, digits and hyphens (and underscores, where `underscores_in_headers` says so) are left out. Of servers that share an address, the default server's holds until the host is known, from the request line or the `Host` field, and the named server's from there on.",
    example: 'ignore_invalid_headers off;',
  },
  underscores_in_headers: {
    contexts: SERVER,
    takes: flag,
    default: 'off',
    doc: "Whether names of fields may have underscores. Of servers that share an address, the default server's holds until the host is known, from the request line or the `Host` field, and the named server's from there on.",
    example: 'underscores_in_headers on;',
  },
  merge_slashes: {
    contexts: SERVER,
    takes: flag,
    default: 'on',
    doc: "Whether several slashes in a row in a URI count as one. Of servers that share an address, the default server's holds.",
    example: 'merge_slashes off;',
  },
} as const satisfies Directives;

export function applyHead(conf: ConfOf<typeof headDirectives>, server: ServerProgram): void {
  server.clientHeaderTimeout = conf.client_header_timeout;
  server.clientHeaderBufferSize = conf.client_header_buffer_size;
  server.largeClientHeaderBuffers = conf.large_client_header_buffers;
  server.maxHeaders = conf.max_headers;
  server.ignoreInvalidHeaders = conf.ignore_invalid_headers;
  server.underscoresInHeaders = conf.underscores_in_headers;
  server.mergeSlashes = conf.merge_slashes;
}

export const bodyDirectives = {
  client_max_body_size: {
    contexts: CONTEXTS,
    takes: offset,
    default: '1m',
    doc: 'The largest body of a request; a larger one is answered with 413. 0 is no limit.',
    example: 'client_max_body_size 20m;',
  },
  client_body_buffer_size: {
    contexts: CONTEXTS,
    takes: size,
    default: '8k',
    doc: 'Up to this size the body of a request is kept in memory; a larger one goes to a temporary file.',
    example: 'client_body_buffer_size 64k;',
  },
  client_body_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '60s',
    doc: 'How long a client may be silent while it sends the body of a request; then the answer is 408.',
    example: 'client_body_timeout 30s;',
  },
  client_body_in_file_only: {
    contexts: CONTEXTS,
    takes: choice('off', 'on', 'clean'),
    default: 'off',
    doc: 'Whether every body of a request goes to a file, which then stays (`on`) or is removed (`clean`) when the request is over.',
    example: 'client_body_in_file_only clean;',
  },
  client_body_in_single_buffer: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    noEffect: 'A body in memory is always in one piece.',
    doc: 'In nginx, whether the body of a request is kept in one buffer.',
    example: 'client_body_in_single_buffer on;',
  },
  client_body_temp_path: {
    contexts: CONTEXTS,
    takes: temporaryPath,
    doc: 'The directory for bodies of requests that do not stay in memory, with up to three levels of subdirectories, named by so many digits of the number of a file. The default is `client_body_temp` below the prefix where that exists, otherwise one below the `StateDirectory` or `RuntimeDirectory` of systemd, otherwise a private directory among the temporary files of the system. A file loses its name as soon as it is open, unless `client_body_in_file_only` is given. A directory that users other than root and the user of the proxy can replace is refused.',
    example: 'client_body_temp_path /var/tmp/tsproxy 1 2;',
    differs: 'The default directory is created only when it is needed. Names of files are random numbers.',
    differsFor: () => false,
  },
} as const satisfies Directives;

export function applyBody(conf: ConfOf<typeof bodyDirectives>, at: Scope): void {
  const { settings } = at.program;
  settings.clientMaxBodySize = conf.client_max_body_size;
  settings.clientBodyBufferSize = conf.client_body_buffer_size;
  settings.clientBodyTimeout = conf.client_body_timeout;
  settings.clientBodyInFileOnly = conf.client_body_in_file_only;
  settings.clientBodyTempPath = conf.client_body_temp_path ?? defaultTemporaryPath(at.compiler, 'client_body_temp');
}
