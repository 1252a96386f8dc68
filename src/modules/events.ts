/** nginx's `ngx_event_core_module`: the `events` block. */
import { flag, integer, mapped, milliseconds, named, nearWord, none, text } from '../config/argument-types.js';
import { defineModule } from '../program/module.js';

const METHODS: readonly string[] = ['epoll', 'kqueue', 'eventport', '/dev/poll', 'poll', 'select'];

const method = mapped(named(METHODS.join(' | '), text), (written, c, [word]) => {
  if (word === undefined || METHODS.includes(written)) return written;
  return c.fail(
    word,
    'invalid-value',
    `invalid event type "${written}"`,
    nearWord(word, METHODS) ?? {
      help: `valid methods: ${METHODS.join(', ')}`,
    },
  );
});

export default defineModule({
  name: 'events',
  doc: 'Connection processing. Node.js decides most of this itself.',
  directives: {
    events: {
      contexts: ['main'],
      takes: none,
      body: { context: 'events' },
      doc: 'Directives that affect connection processing. nginx requires this block.',
      differs: 'A file without this block is accepted with a warning.',
      differsFor: () => false,
      example: 'events {\n    worker_connections 1024;\n}',
    },
    worker_connections: {
      contexts: ['events'],
      takes: integer({ invalid: ({ text: word }) => `invalid number "${word}"` }),
      doc: 'Maximum number of simultaneous connections of a worker process, to clients and to upstreams. When few are left, idle connections are closed; when none are left, new clients are refused, and requests that need an upstream fail with status 500.',
      differs:
        'Without this directive, only the limit of open files applies; the default in nginx is 512. When open files run short, idle connections are closed and accepting pauses. Listening sockets are not counted.',
      example: 'worker_connections 4096;',
    },
    use: {
      contexts: ['events'],
      takes: method,
      noEffect: 'Node.js selects the method of the platform.',
      doc: 'In nginx, the connection processing method.',
      example: 'use epoll;',
    },
    multi_accept: {
      contexts: ['events'],
      takes: flag,
      default: 'off',
      noEffect: 'Node.js accepts all pending connections.',
      doc: 'In nginx, whether a worker process accepts all new connections at once.',
      example: 'multi_accept on;',
    },
    accept_mutex: {
      contexts: ['events'],
      takes: flag,
      default: 'off',
      noEffect: 'Workers accept connections without a mutex.',
      doc: 'In nginx, whether worker processes accept connections in turn.',
      example: 'accept_mutex off;',
    },
    accept_mutex_delay: {
      contexts: ['events'],
      takes: milliseconds,
      default: '500ms',
      noEffect: 'Workers accept connections without a mutex.',
      doc: 'In nginx, how long a worker process waits before it tries again to accept connections.',
      example: 'accept_mutex_delay 100ms;',
    },
    worker_aio_requests: {
      contexts: ['events'],
      takes: integer(),
      default: '32',
      noEffect: 'Node.js reads files in its own thread pool.',
      doc: 'In nginx, the maximum number of outstanding asynchronous file reads of a worker process.',
      example: 'worker_aio_requests 64;',
    },
    debug_connection: {
      contexts: ['events'],
      takes: named('address | CIDR | unix:', text),
      repeat: true,
      noEffect: 'A log level applies to all connections.',
      doc: 'In nginx, enables the debug log for connections of these clients.',
      example: 'debug_connection 192.0.2.0/24;',
    },
  },
});
