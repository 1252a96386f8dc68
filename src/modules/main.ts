/** nginx's `ngx_core_module` and other directives of the main context: settings of the process. */

import type { Word } from '../../grammar/syntax-tree.js';
import {
  choice,
  custom,
  either,
  flag,
  integer,
  listOf,
  milliseconds,
  named,
  offset,
  path,
  text,
  word,
} from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import { errorLogArgument } from '../config/error-log-argument.js';
import { parseInteger } from '../config/units.js';
import { defineModule } from '../program/module.js';

function parsePriority(words: readonly Word[], c: ArgumentContext): number {
  const [word] = words as readonly [Word]; // one word: `min` and `max`
  const value = parseInteger(word.text.replace(/^[+-]/, ''));
  if (value === null) return c.fail(word, 'invalid-value', '"worker_priority" directive invalid number');
  return word.text.startsWith('-') ? -value : value;
}

function parseThreadPool(words: readonly Word[], c: ArgumentContext): string {
  const [name, ...parameters] = words as [Word, ...Word[]]; // at least two words: `min`
  let threads = name.text === 'default' ? 32 : 0;
  for (const word of parameters) {
    const [key, value = ''] = word.text.split('=', 2);
    if (key !== 'threads' && key !== 'max_queue') continue; // ignored, as in nginx
    const number = parseInteger(value);
    if (number === null || (key === 'threads' && number === 0)) {
      c.fail(word, 'invalid-value', `invalid ${key} value "${word.text}"`, {
        help: 'syntax: thread_pool name threads=number [max_queue=number];',
      });
    }
    if (key === 'threads') threads = number;
  }
  if (threads === 0) {
    c.fail(name, 'argument-count', `"thread_pool" must have "threads" parameter`);
  }
  return name.text;
}

const environmentVariable = word('variable[=value]', (w, c) =>
  /^[^=\0]+/.test(w.text) && !w.text.includes('\0')
    ? w.text
    : c.fail(w, 'invalid-value', `invalid name "${w.text}" of an environment variable`),
);

const MAX_PROCESSORS = 1024;

function parseAffinity(words: readonly Word[], c: ArgumentContext): readonly string[] {
  const [first, ...others] = words as readonly [Word, ...Word[]]; // at least one word: `min`
  const auto = first.text === 'auto';
  const [, ...surplus] = others;
  if (auto && surplus[0] !== undefined) {
    c.fail(surplus[0], 'argument-count', 'invalid number of arguments in "worker_cpu_affinity" directive');
  }
  for (const word of auto ? others : words) {
    if (word.text.length > MAX_PROCESSORS) {
      c.fail(word, 'invalid-value', `"worker_cpu_affinity" supports up to ${MAX_PROCESSORS} CPUs only`);
    }
    // nginx parses a mask from its end.
    const wrong = [...word.text].reverse().find((character) => !'01 '.includes(character));
    if (wrong !== undefined) {
      c.fail(word, 'invalid-value', `invalid character "${wrong}" in "worker_cpu_affinity"`);
    }
  }
  return words.map(({ text: word }) => word);
}

export default defineModule({
  name: 'main',
  doc: 'Settings of the process as a whole.',
  directives: {
    daemon: {
      contexts: ['main'],
      takes: flag,
      default: 'off',
      doc: 'Whether the proxy becomes a daemon.',
      example: 'daemon off;',
      differs:
        'The default is `off`: the proxy stays in the foreground. In nginx the default is `on`. The addresses on which it listens are printed.',
      differsFor: () => false,
    },
    error_log: {
      contexts: ['main'],
      takes: errorLogArgument,
      repeat: true,
      doc: 'Error log and its minimum level: `debug`, `info`, `notice`, `warn`, `error` (the default), `crit`, `alert`, `emerg`. The directive may be repeated. `syslog:` sends log lines to a syslog server over UDP or to a unix domain socket (`server=unix:/dev/log`), with the parameters `facility` (`local7`), `tag` (`nginx`) and `nohostname`; `memory:` keeps the last lines in a buffer of the given size. Inside `http`, the log can be overridden for requests.',
      example: 'error_log logs/error.log warn;',
      differs:
        'The default is standard error if `logs/` does not exist. A file in a directory that another user controls is refused. Lines for a syslog server on a unix domain socket are sent by the command `logger` of util-linux; other host names are resolved when the first line is sent. The levels `debug_core` … `debug_stream` are equivalent to `debug`. An embedding program reads memory logs with `memoryLogs()`; in nginx a debugger is needed.',
      differsFor: ([target = '', level = '']) => /^(syslog|memory):/.test(target) || level.startsWith('debug_'),
    },
    pid: {
      contexts: ['main'],
      takes: path('prefix'),
      doc: 'File that contains the process ID while the proxy runs; `-s` uses it to find the process. The default is `logs/nginx.pid` if that directory exists, otherwise a file in a private directory of the user (`/run/tsproxy` for root).',
      example: 'pid /run/tsproxy.pid;',
      differs:
        "nginx's default is the path with which it was built. A file in a directory that another user controls is refused.",
      differsFor: () => false,
    },
    worker_shutdown_timeout: {
      contexts: ['main'],
      takes: milliseconds,
      doc: 'Timeout of a graceful shutdown; connections that are still open are then closed.',
      example: 'worker_shutdown_timeout 30s;',
      differs:
        'The timeout applies to shutdowns only. A reload keeps workers and connections, where nginx starts new workers and applies it to the old ones.',
    },
    worker_heartbeat_timeout: {
      contexts: ['main'],
      takes: milliseconds,
      default: '10s',
      doc: 'A worker process that does not respond to the master for this time, because it is in an endless loop or was stopped by a signal, is killed and replaced. Its state is logged. A worker that still reads and writes is overloaded, not hung: its timeout is six times as long. While a worker loads or compiles a configuration, the timeout is at least half a minute. `0` disables the timeout, for debuggers. This is an extension of tsproxy; nginx has no such directive.',
      example: 'worker_heartbeat_timeout 30s;',
    },
    worker_buffer_limit: {
      contexts: ['main'],
      takes: offset,
      doc: 'Maximum memory of a worker process for buffered data: request bodies, responses to slow clients, incomplete heads, and pipelined requests. While the limit is reached, bodies and responses are written to temporary files immediately, regardless of `client_body_buffer_size` and `proxy_buffers`; if no file can be used, reading from the client or upstream pauses; and a request whose head arrives in several pieces is rejected with status 503. Up to 64k per slow connection, in its socket, are not counted. `0` disables the limit. The default is a quarter of the memory of the machine or container, divided by the number of workers. This is an extension of tsproxy; nginx has no such directive.',
      example: 'worker_buffer_limit 512m;',
    },
    user: {
      contexts: ['main'],
      takes: listOf(named('user', text), { min: 1, max: 2 }),
      doc: 'User and group of worker processes if the master is started by root; the group defaults to the name of the user. The default is the user `nobody` and the group `nobody` or `nogroup`, whichever exists; with `user root` workers keep all privileges. The master binds ports and opens logs with the privileges it was started with. With `master_process off`, and in an embedding program, no privileges are dropped.',
      example: 'user www-data www-data;',
    },
    worker_processes: {
      contexts: ['main'],
      takes: either('auto', integer({ invalid: ({ directive }) => `"${directive}" directive invalid value` })),
      default: '1',
      doc: 'The number of worker processes; `auto` starts one per processor. A worker that exits is replaced. A reload that changes the number starts or drains the difference; the other workers continue.',
      differs:
        'A reload does not replace the workers: they switch to the new configuration without closing connections.',
      differsFor: () => false,
      differsSlightly: true,
      example: 'worker_processes auto;',
    },
    master_process: {
      contexts: ['main'],
      takes: flag,
      default: 'on',
      doc: 'Whether worker processes are started. With `off`, one process handles everything.',
      example: 'master_process off;',
    },
    worker_priority: {
      contexts: ['main'],
      takes: custom('number', 1, 1, parsePriority),
      default: '0',
      doc: 'The scheduling priority of worker processes, from -20 (highest) to 20. With 0 it is the priority of the master process.',
      example: 'worker_priority -5;',
    },
    worker_rlimit_nofile: {
      contexts: ['main'],
      takes: integer(),
      doc: 'Maximum number of open files, including sockets, of a worker process. The default is the hard limit of the master process. The limit is set by the command `prlimit`; a message is logged if the command is missing.',
      example: 'worker_rlimit_nofile 65536;',
    },
    worker_rlimit_core: {
      contexts: ['main'],
      takes: offset,
      noEffect: 'The limit is inherited from the parent process.',
      doc: 'In nginx, the maximum size of a core file of a worker process.',
      example: 'worker_rlimit_core 100m;',
    },
    worker_cpu_affinity: {
      contexts: ['main'],
      takes: custom('auto [cpumask] | cpumask ...', 1, Number.POSITIVE_INFINITY, parseAffinity),
      doc: 'Binds worker processes to processors: one mask per worker, with one bit per processor, the lowest bit for the first processor; the last mask applies to all further workers. With `auto` each worker is bound to its own processor, of those in the mask if one is given. The affinity is set by the command `taskset`; a message is logged if the command is missing.',
      example: 'worker_cpu_affinity auto;',
    },
    working_directory: {
      contexts: ['main'],
      takes: named('directory', text),
      noEffect: 'Processes keep the directory in which they were started.',
      doc: 'In nginx, the directory for core files of worker processes.',
      example: 'working_directory /var/tmp;',
    },
    env: {
      contexts: ['main'],
      takes: environmentVariable,
      repeat: true,
      doc: 'Sets an environment variable of the processes, such as `TZ`, the time zone of logs: `env NAME=value`. It remains set until they exit. To use environment variables in the configuration itself, see `expand_env`.',
      example: 'env TZ=UTC;',
      differs: '`env NAME` has no effect: all environment variables are kept. In nginx the others are removed.',
      differsFor: ([entry = '']) => !entry.includes('='),
    },
    timer_resolution: {
      contexts: ['main'],
      takes: milliseconds,
      noEffect: 'The time is read when it is needed.',
      doc: 'In nginx, the interval at which worker processes update the time.',
      example: 'timer_resolution 100ms;',
    },
    lock_file: {
      contexts: ['main'],
      takes: named('file', text),
      default: 'logs/nginx.lock',
      noEffect: 'No lock files are needed.',
      doc: 'In nginx, the prefix of lock file names.',
      example: 'lock_file logs/nginx.lock;',
    },
    debug_points: {
      contexts: ['main'],
      takes: choice('stop', 'abort'),
      noEffect: 'There are no debug points.',
      doc: 'In nginx, the action when an internal error is detected.',
      example: 'debug_points abort;',
    },
    thread_pool: {
      contexts: ['main'],
      takes: custom('name threads=number [max_queue=number]', 2, 3, parseThreadPool),
      repeat: true,
      noEffect:
        'Files are read by the thread pool of Node.js, whose size the environment variable UV_THREADPOOL_SIZE sets.',
      doc: 'In nginx, a thread pool for reading and writing files.',
      example: 'thread_pool default threads=32 max_queue=65536;',
    },
    pcre_jit: {
      contexts: ['main'],
      takes: flag,
      default: 'off',
      noEffect:
        'Regular expressions are compiled by the JavaScript engine when they are used often; those that can take long are interpreted.',
      doc: 'In nginx, whether regular expressions are compiled by PCRE JIT.',
      example: 'pcre_jit on;',
    },
    ssl_engine: {
      contexts: ['main'],
      takes: named('device', text),
      noEffect: 'OpenSSL is configured by Node.js.',
      doc: 'In nginx, the hardware accelerator for TLS.',
      example: 'ssl_engine rdrand;',
    },
    load_module: {
      contexts: ['main'],
      takes: named('file', text),
      repeat: true,
      doc: 'Loads a module: a JavaScript file (an ES module) whose default export is `defineModule({ … })` of `tsproxy/module`; see `docs/modules.md`. A reload loads the file again if it has changed. Relative paths start from the prefix.',
      differs:
        'Dynamic modules of nginx (`.so`) are not loaded. Their directives are built in, or reported individually.',
      differsFor: (words) => words[0]?.endsWith('.so') ?? false,
      example: 'load_module modules/ngx_http_geoip_module.so;',
    },
  },
});
