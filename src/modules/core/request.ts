/** Limits and timeouts for reading requests, and strictness of head parsing. */

import type { Word } from '../../../grammar/syntax-tree.js';
import { choice, custom, flag, integer, milliseconds, offset, size } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import { temporaryPath } from '../../config/temporary-path-argument.js';
import { parseInteger, parseSize } from '../../config/units.js';
import { BODY_FILES } from '../../exchange/request-body.js';
import type { Scope } from '../../program/module.js';
import type { ServerProgram } from '../../program/program.js';
import { defaultTemporaryPath } from '../../program/temporary-directory.js';

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
    doc: 'Timeout for reading the head of a request; then the connection is closed and 408 is logged. If servers share an address, the value of the default server applies; on a keep-alive connection, that of the server that the first bytes name.',
    example: 'client_header_timeout 10s;',
  },
  client_header_buffer_size: {
    contexts: SERVER,
    takes: size,
    default: '1k',
    doc: 'Size of a request head up to which no large buffers are counted. If servers share an address, the value of the default server applies.',
    example: 'client_header_buffer_size 2k;',
  },
  large_client_header_buffers: {
    contexts: SERVER,
    takes: custom('number size', 2, 2, parseBuffers),
    default: '4 8k',
    doc: 'Maximum number and size of buffers for large heads. A request line that exceeds one buffer is rejected with 414, a field line with 400, and a head that exceeds all buffers with 400. A line cannot span two buffers. If servers share an address, the value of the default server applies until the host is known from the request line or the `Host` field, and that of the named server afterwards.',
    example: 'large_client_header_buffers 4 16k;',
  },
  max_headers: {
    contexts: SERVER,
    takes: integer(),
    default: '1000',
    doc: 'Maximum number of field lines in a request head; more are rejected with 400. If servers share an address, the value of the default server applies until the host is known from the request line or the `Host` field, and that of the named server afterwards.',
    example: 'max_headers 100;',
  },
  ignore_invalid_headers: {
    contexts: SERVER,
    takes: flag,
    default: 'on',
    doc: 'Whether fields whose names contain characters other than letters, digits and hyphens (and underscores with `underscores_in_headers`) are ignored. If servers share an address, the value of the default server applies until the host is known from the request line or the `Host` field, and that of the named server afterwards.',
    example: 'ignore_invalid_headers off;',
  },
  underscores_in_headers: {
    contexts: SERVER,
    takes: flag,
    default: 'off',
    doc: 'Whether field names may contain underscores. If servers share an address, the value of the default server applies until the host is known from the request line or the `Host` field, and that of the named server afterwards.',
    example: 'underscores_in_headers on;',
  },
  merge_slashes: {
    contexts: SERVER,
    takes: flag,
    default: 'on',
    doc: 'Whether adjacent slashes in a URI are merged into one. If servers share an address, the value of the default server applies.',
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
    doc: 'Maximum size of a request body; a larger one is rejected with 413. 0 disables the limit.',
    example: 'client_max_body_size 20m;',
  },
  client_body_buffer_size: {
    contexts: CONTEXTS,
    takes: size,
    default: '8k',
    doc: 'Size up to which a request body is kept in memory; a larger one is written to a temporary file. A body of known length may be a quarter larger.',
    example: 'client_body_buffer_size 64k;',
  },
  client_body_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '60s',
    doc: 'Timeout between two successive reads of a request body; then the request is rejected with 408.',
    example: 'client_body_timeout 30s;',
  },
  client_body_in_file_only: {
    contexts: CONTEXTS,
    takes: choice('off', 'on', 'clean'),
    default: 'off',
    doc: 'Whether every request body is written to a file, which is kept (`on`) or removed (`clean`) after the request.',
    example: 'client_body_in_file_only clean;',
  },
  client_body_in_single_buffer: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    noEffect: 'A body in memory is always contiguous.',
    doc: 'In nginx, whether the body of a request is kept in one buffer.',
    example: 'client_body_in_single_buffer on;',
  },
  client_body_temp_path: {
    contexts: CONTEXTS,
    takes: temporaryPath,
    doc: 'Directory for temporary files with request bodies, with up to three levels of subdirectories, each named by the given number of digits of the file number. The default is `client_body_temp` below the prefix if that exists, otherwise a directory below the `StateDirectory` or `RuntimeDirectory` of systemd, otherwise a private directory in the temporary directory of the system. A file is unlinked as soon as it is open, unless `client_body_in_file_only` is set. A directory that users other than root and the user of the proxy can replace is rejected.',
    example: 'client_body_temp_path /var/tmp/tsproxy 1 2;',
    differs:
      'The default directory is created when it is first needed. File names are random numbers. A directory that another user controls is refused.',
    differsFor: () => false,
  },
} as const satisfies Directives;

export function applyBody(conf: ConfOf<typeof bodyDirectives>, at: Scope): void {
  const { settings } = at.program;
  settings.clientMaxBodySize = conf.client_max_body_size;
  settings.clientBodyBufferSize = conf.client_body_buffer_size;
  settings.clientBodyTimeout = conf.client_body_timeout;
  settings.set(BODY_FILES, {
    only: conf.client_body_in_file_only,
    directory: conf.client_body_temp_path ?? defaultTemporaryPath(at.compiler, 'client_body_temp'),
  });
}
