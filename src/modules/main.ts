/** nginx's `ngx_core_module` and its neighbours in the outermost context: what concerns the process. */

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
} from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import { parseInteger } from '../config/units.js';
import { errorLogArgument } from '../exchange/error-log-argument.js';
import { defineModule } from '../exchange/module.js';

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
    if (key !== 'threads' && key !== 'max_queue') continue; // nginx passes over them too
    const number = parseInteger(value);
    if (number === null || (key === 'threads' && number === 0)) {
      c.fail(word, 'invalid-value', `invalid ${key} value "${word.text}"`, {
        help: 'it is written: thread_pool name threads=number [max_queue=number];',
      });
    }
    if (key === 'threads') threads = number;
  }
  if (threads === 0) {
    c.fail(name, 'argument-count', `"thread_pool" must have "threads" parameter`);
  }
  return name.text;
}

const MOST_PROCESSORS = 1024;

function parseAffinity(words: readonly Word[], c: ArgumentContext): readonly string[] {
  const [first, ...others] = words as readonly [Word, ...Word[]]; // at least one word: `min`
  const auto = first.text === 'auto';
  const [, ...surplus] = others;
  if (auto && surplus[0] !== undefined) {
    c.fail(surplus[0], 'argument-count', 'invalid number of arguments in "worker_cpu_affinity" directive');
  }
  for (const word of auto ? others : words) {
    if (word.text.length > MOST_PROCESSORS) {
      c.fail(word, 'invalid-value', `"worker_cpu_affinity" supports up to ${MOST_PROCESSORS} CPUs only`);
    }
    // nginx reads a mask from its end.
    const wrong = [...word.text].reverse().find((character) => !'01 '.includes(character));
    if (wrong !== undefined) {
      c.fail(word, 'invalid-value', `invalid character "${wrong}" in "worker_cpu_affinity"`);
    }
  }
  return words.map(({ text: word }) => word);
}

export default defineModule({
  name: 'main',
  doc: 'What concerns the process as a whole.',
  directives: {
    daemon: {
      contexts: ['main'],
      takes: flag,
      default: 'off',
      doc: 'Whether the proxy runs in the background.',
      example: 'daemon off;',
      differs: 'The default is `off`: the proxy stays in the foreground. nginx goes into the background.',
      differsFor: () => false,
    },
    error_log: {
      contexts: ['main'],
      takes: errorLogArgument,
      repeat: true,
      doc: 'Where errors are logged, and from which level on: `debug`, `info`, `notice`, `warn`, `error` (the default), `crit`, `alert`, `emerg`. Several may be given. `syslog:` sends lines to a syslog server over UDP or to a unix domain socket (`server=unix:/dev/log`), with the parameters `facility` (`local7`), `tag` (`nginx`) and `nohostname`; `memory:` keeps the last lines in so many bytes of memory. What is logged for requests may be said anew inside of `http`.',
      example: 'error_log logs/error.log warn;',
      differs:
        'To a syslog server on a unix domain socket the command `logger` of util-linux sends the lines; the name of another server is looked up with the first line that is sent to it. The levels `debug_core` … `debug_stream` are `debug`. What is logged to memory is read by an embedding program, with `memoryLogs()`; in nginx, with a debugger.',
      differsFor: ([target = '', level = '']) => /^(syslog|memory):/.test(target) || level.startsWith('debug_'),
    },
    pid: {
      contexts: ['main'],
      takes: path('prefix'),
      doc: 'The file that holds the process id while the proxy runs; `-s` finds the process by it. The default is `logs/nginx.pid` where that directory exists, and otherwise a file in a directory of the user’s own (`/run/tsproxy` for root).',
      example: 'pid /run/tsproxy.pid;',
    },
    worker_shutdown_timeout: {
      contexts: ['main'],
      takes: milliseconds,
      doc: 'How long connections may still take when the proxy was asked to quit; then they are closed.',
      example: 'worker_shutdown_timeout 30s;',
    },
    worker_heartbeat_timeout: {
      contexts: ['main'],
      takes: milliseconds,
      default: '10s',
      doc: 'A worker process that has not responded to the master for this time is killed and replaced: one that hangs in an endless loop, or was stopped by a signal. The error log names its state. While a worker loads or compiles a configuration it may take half a minute. `0` turns this off, for debuggers. A directive of tsproxy; nginx has none like it.',
      example: 'worker_heartbeat_timeout 30s;',
    },
    worker_buffer_limit: {
      contexts: ['main'],
      takes: offset,
      doc: 'How much memory a worker process may use for received data that waits to be passed on: request bodies, responses for slow clients, incomplete heads, and pipelined requests. While it is reached, bodies and responses are written to temporary files at once, whatever `client_body_buffer_size` and `proxy_buffers` allow; where there is no file, the client or upstream is read no further; and a request whose head arrives in several pieces is answered with the status 503. Up to 64k in front of each slow connection, in its socket, are not counted. `0` is no limit. The default is a quarter of the memory of the machine or container, divided by the number of workers. A directive of tsproxy; nginx has none like it.',
      example: 'worker_buffer_limit 512m;',
    },
    user: {
      contexts: ['main'],
      takes: listOf(named('user', text), { min: 1, max: 2 }),
      doc: 'The user and the group of worker processes, where the master is started by root; the group is called as the user unless it is given. Without it they are `nobody` and the group `nobody` or `nogroup`, whichever the system has; with `user root` workers keep all rights. The master binds ports and opens logs with the rights it was started with. With `master_process off`, and in a program that embeds the proxy, no rights are given up.',
      example: 'user www-data www-data;',
    },
    worker_processes: {
      contexts: ['main'],
      takes: either('auto', integer({ invalid: ({ directive }) => `"${directive}" directive invalid value` })),
      default: '1',
      doc: 'The number of worker processes; `auto` is one for each processor. One that dies is replaced. A reload that changes the number adds or drains the difference, and the others go on.',
      differs:
        'A reload does not replace the workers: they take the new configuration in their stride, and nobody is disconnected.',
      differsFor: () => false,
      example: 'worker_processes auto;',
    },
    master_process: {
      contexts: ['main'],
      takes: flag,
      default: 'on',
      doc: 'Whether worker processes are started. With `off` one process does everything.',
      example: 'master_process off;',
    },
    worker_priority: {
      contexts: ['main'],
      takes: custom('number', 1, 1, parsePriority),
      default: '0',
      doc: 'The scheduling priority of worker processes, from -20 (the first to run) to 20. With 0 it is that of the master process.',
      example: 'worker_priority -5;',
    },
    worker_rlimit_nofile: {
      contexts: ['main'],
      takes: integer(),
      doc: 'How many files, sockets among them, a worker process may have open. Unless it is given, workers have the hard limit of whoever starts the master. It is set by the command `prlimit`; where that is missing, the log says so.',
      example: 'worker_rlimit_nofile 65536;',
    },
    worker_rlimit_core: {
      contexts: ['main'],
      takes: offset,
      noEffect: 'The limit is that of whoever starts the process.',
      doc: 'In nginx, the largest size of a core file of worker processes.',
      example: 'worker_rlimit_core 100m;',
    },
    worker_cpu_affinity: {
      contexts: ['main'],
      takes: custom('auto [cpumask] | cpumask ...', 1, Number.POSITIVE_INFINITY, parseAffinity),
      doc: 'The processors on which worker processes run: a mask for each, with a bit for each processor, the last one for the first; the last mask also for all that follow. With `auto` each has a processor of its own, of those in the mask where one is given. It is set by the command `taskset`; where that is missing, the log says so.',
      example: 'worker_cpu_affinity auto;',
    },
    working_directory: {
      contexts: ['main'],
      takes: named('directory', text),
      noEffect: 'The directory is that in which the process was started.',
      doc: 'In nginx, the directory in which worker processes leave core files.',
      example: 'working_directory /var/tmp;',
    },
    env: {
      contexts: ['main'],
      takes: named('variable[=value]', text),
      repeat: true,
      noEffect: 'The whole environment is kept.',
      doc: 'In nginx, the variables of the environment that worker processes keep.',
      example: 'env TZ=UTC;',
    },
    timer_resolution: {
      contexts: ['main'],
      takes: milliseconds,
      noEffect: 'The clock is asked where the time is needed.',
      doc: 'In nginx, how often worker processes ask for the time.',
      example: 'timer_resolution 100ms;',
    },
    lock_file: {
      contexts: ['main'],
      takes: named('file', text),
      default: 'logs/nginx.lock',
      noEffect: 'No locks in files are needed.',
      doc: 'In nginx, the prefix of the names of lock files.',
      example: 'lock_file logs/nginx.lock;',
    },
    debug_points: {
      contexts: ['main'],
      takes: choice('stop', 'abort'),
      noEffect: 'There are no such points.',
      doc: 'In nginx, what happens where an internal error is found.',
      example: 'debug_points abort;',
    },
    thread_pool: {
      contexts: ['main'],
      takes: custom('name threads=number [max_queue=number]', 2, 3, parseThreadPool),
      repeat: true,
      noEffect:
        'Files are read by the thread pool of Node.js, whose size the environment variable UV_THREADPOOL_SIZE sets.',
      doc: 'In nginx, threads that read and write files.',
      example: 'thread_pool default threads=32 max_queue=65536;',
    },
    pcre_jit: {
      contexts: ['main'],
      takes: flag,
      default: 'off',
      noEffect:
        'Regular expressions are compiled by the JavaScript engine when they are used often; those that can take long are interpreted.',
      doc: 'In nginx, whether regular expressions are compiled to machine code.',
      example: 'pcre_jit on;',
    },
    ssl_engine: {
      contexts: ['main'],
      takes: named('device', text),
      noEffect: 'OpenSSL is configured by Node.js.',
      doc: 'In nginx, the hardware that speeds up TLS.',
      example: 'ssl_engine rdrand;',
    },
    load_module: {
      contexts: ['main'],
      takes: named('file', text),
      repeat: true,
      noEffect: 'Modules of nginx cannot be loaded. A directive that one of them provides is reported where it stands.',
      doc: 'In nginx, loads a module.',
      example: 'load_module modules/ngx_http_geoip_module.so;',
    },
  },
});
