/** Tuning directives of nginx without a counterpart in this implementation: accepted without effect. */
import type { Word } from '../../../grammar/syntax-tree.js';
import {
  buffers,
  custom,
  flag,
  integer,
  mapped,
  offset,
  orOff,
  seconds,
  size,
  word,
} from '../../config/argument-types.js';
import type { ArgumentContext, ArgumentType, Directives } from '../../config/directive.js';
import { parseInteger, parseSeconds } from '../../config/units.js';

const HTTP = ['http'] as const;
const SERVER = ['http', 'server'] as const;
const CONTEXTS = ['http', 'server', 'location'] as const;

/** Size within nginx's bounds on 64-bit systems. */
const poolSize: ArgumentType<number> = mapped(size, (bytes, c, [at = c.statement]) => {
  if (bytes < 112) c.fail(at, 'invalid-value', 'the pool size must be no less than 112');
  if (bytes % 16 !== 0) c.fail(at, 'invalid-value', 'the pool size must be a multiple of 16');
  return bytes;
});

const GROWS = 'Tables grow as needed.';
const MEMORY = 'Memory is managed by the JavaScript engine.';
const FILES = 'Files are read in chunks through the page cache of the system.';
const NO_FILE_CACHE = 'Files are opened for each request.';

const aio: ArgumentType<string> = word('on | off | threads[=pool]', (w, c) =>
  /^(on|off|threads(=.*)?)$/.test(w.text)
    ? w.text
    : c.fail(w, 'invalid-value', '"aio" directive invalid value', { help: 'it must be on, off, or threads[=pool]' }),
);

function parseFileCache(words: readonly Word[], c: ArgumentContext): null {
  let max = 0;
  for (const w of words) {
    const [key, value = ''] = w.text.split('=', 2);
    if (w.text === 'off') return null;
    if (key === 'max') max = parseInteger(value) ?? 0;
    const wrong = key === 'max' ? max === 0 : key !== 'inactive' || parseSeconds(value) === null;
    if (wrong) c.fail(w, 'invalid-value', `invalid "open_file_cache" parameter "${w.text}"`);
  }
  if (max === 0) c.fail(c.statement, 'argument-count', '"open_file_cache" must have the "max" parameter');
  return null;
}

export const noEffectDirectives = {
  server_names_hash_max_size: {
    contexts: HTTP,
    takes: integer(),
    default: '512',
    noEffect: GROWS,
    doc: 'In nginx, the maximum size of the hash tables of server names.',
    example: 'server_names_hash_max_size 1024;',
  },
  server_names_hash_bucket_size: {
    contexts: HTTP,
    takes: integer(),
    default: '64',
    noEffect: GROWS,
    doc: 'In nginx, the bucket size of the hash tables of server names.',
    example: 'server_names_hash_bucket_size 128;',
  },
  variables_hash_max_size: {
    contexts: HTTP,
    takes: integer(),
    default: '1024',
    noEffect: GROWS,
    doc: 'In nginx, the maximum size of the hash table of variables.',
    example: 'variables_hash_max_size 2048;',
  },
  variables_hash_bucket_size: {
    contexts: HTTP,
    takes: integer(),
    default: '64',
    noEffect: GROWS,
    doc: 'In nginx, the bucket size of the hash table of variables.',
    example: 'variables_hash_bucket_size 128;',
  },
  types_hash_max_size: {
    contexts: CONTEXTS,
    takes: integer(),
    default: '1024',
    noEffect: GROWS,
    doc: 'In nginx, the maximum size of the hash tables of media types.',
    example: 'types_hash_max_size 2048;',
  },
  types_hash_bucket_size: {
    contexts: CONTEXTS,
    takes: integer(),
    default: '64',
    noEffect: GROWS,
    doc: 'In nginx, the bucket size of the hash tables of media types.',
    example: 'types_hash_bucket_size 128;',
  },
  connection_pool_size: {
    contexts: SERVER,
    takes: poolSize,
    default: '512',
    noEffect: MEMORY,
    doc: 'In nginx, the size of the memory pool of a connection.',
    example: 'connection_pool_size 512;',
  },
  request_pool_size: {
    contexts: SERVER,
    takes: poolSize,
    default: '4k',
    noEffect: MEMORY,
    doc: 'In nginx, the size of the memory pool of a request.',
    example: 'request_pool_size 8k;',
  },
  sendfile: {
    contexts: [...CONTEXTS, 'if in location'],
    takes: flag,
    default: 'off',
    noEffect: FILES,
    doc: 'In nginx, whether files are sent with sendfile().',
    example: 'sendfile on;',
  },
  sendfile_max_chunk: {
    contexts: CONTEXTS,
    takes: size,
    default: '2m',
    noEffect: FILES,
    doc: 'In nginx, the maximum amount of data that one sendfile() call sends.',
    example: 'sendfile_max_chunk 1m;',
  },
  aio: {
    contexts: CONTEXTS,
    takes: aio,
    default: 'off',
    noEffect: FILES,
    doc: 'In nginx, whether files are read asynchronously.',
    example: 'aio threads;',
  },
  aio_write: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    noEffect: FILES,
    doc: 'In nginx, whether files are written asynchronously.',
    example: 'aio_write on;',
  },
  directio: {
    contexts: CONTEXTS,
    takes: orOff(offset),
    default: 'off',
    noEffect: FILES,
    doc: 'In nginx, the size from which files are read with direct I/O.',
    example: 'directio 4m;',
  },
  directio_alignment: {
    contexts: CONTEXTS,
    takes: size,
    default: '512',
    noEffect: FILES,
    doc: 'In nginx, the alignment of direct I/O.',
    example: 'directio_alignment 4k;',
  },
  read_ahead: {
    contexts: CONTEXTS,
    takes: size,
    default: '0',
    noEffect: FILES,
    doc: 'In nginx, the amount of read-ahead for files.',
    example: 'read_ahead 128k;',
  },
  output_buffers: {
    contexts: CONTEXTS,
    takes: buffers,
    default: '2 32k',
    noEffect: FILES,
    doc: 'In nginx, the number and size of buffers for reading files.',
    example: 'output_buffers 2 64k;',
  },
  postpone_output: {
    contexts: CONTEXTS,
    takes: size,
    default: '1460',
    noEffect: 'Data is sent as soon as it is available.',
    doc: 'In nginx, the minimum amount of data that is sent at once.',
    example: 'postpone_output 0;',
  },
  send_lowat: {
    contexts: CONTEXTS,
    takes: size,
    default: '0',
    noEffect: 'Node.js does not support this socket option.',
    doc: 'In nginx, the send low-water mark of client sockets.',
    example: 'send_lowat 12000;',
  },
  tcp_nopush: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    noEffect: 'The head and the first bytes of the body are sent in one write anyway.',
    doc: 'In nginx, whether full packets are sent when sendfile() is used.',
    example: 'tcp_nopush on;',
  },
  tcp_nodelay: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    noEffect: 'The option is always set: written data is sent immediately.',
    doc: 'In nginx, whether TCP_NODELAY is set, so that small packets are not delayed.',
    example: 'tcp_nodelay on;',
  },
  open_file_cache: {
    contexts: CONTEXTS,
    takes: custom('off | max=number [inactive=time]', 1, 2, parseFileCache),
    default: 'off',
    noEffect: NO_FILE_CACHE,
    doc: 'In nginx, a cache of open files.',
    example: 'open_file_cache max=1000 inactive=20s;',
  },
  open_file_cache_valid: {
    contexts: CONTEXTS,
    takes: seconds,
    default: '60',
    noEffect: NO_FILE_CACHE,
    doc: 'In nginx, the time after which an open file is checked again.',
    example: 'open_file_cache_valid 30s;',
  },
  open_file_cache_min_uses: {
    contexts: CONTEXTS,
    takes: integer(),
    default: '1',
    noEffect: NO_FILE_CACHE,
    doc: 'In nginx, how often a file must be requested to stay open.',
    example: 'open_file_cache_min_uses 2;',
  },
  open_file_cache_errors: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    noEffect: NO_FILE_CACHE,
    doc: 'In nginx, whether errors of file lookups are cached.',
    example: 'open_file_cache_errors on;',
  },
  open_file_cache_events: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    noEffect: NO_FILE_CACHE,
    doc: 'In nginx, whether changes of open files are detected by system events.',
    example: 'open_file_cache_events on;',
  },
} as const satisfies Directives;
