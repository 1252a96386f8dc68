/** nginx's `ngx_event_core_module`: the `events` block. */
import { flag, integer, mapped, milliseconds, named, nearWord, none, text } from '../config/argument-types.js';
import { defineModule } from '../exchange/module.js';

const METHODS: readonly string[] = ['epoll', 'kqueue', 'eventport', '/dev/poll', 'poll', 'select'];

const method = mapped(named(METHODS.join(' | '), text), (written, c, [word]) => {
  if (word === undefined || METHODS.includes(written)) return written;
  return c.fail(
    word,
    'invalid-value',
    `invalid event type "${written}"`,
    nearWord(word, METHODS) ?? {
      help: `there are: ${METHODS.join(', ')}`,
    },
  );
});

export default defineModule({
  name: 'events',
  doc: 'How connections are handled in nginx; Node.js has its own way.',
  directives: {
    events: {
      contexts: ['main'],
      takes: none,
      body: { context: 'events' },
      doc: 'Holds what concerns the handling of connections. nginx insists on it.',
      example: 'events {\n    worker_connections 1024;\n}',
    },
    worker_connections: {
      contexts: ['events'],
      takes: integer({ invalid: ({ text: word }) => `invalid number "${word}"` }),
      doc: 'How many connections a worker process may have at a time, to clients and to upstreams. When few are left, idle ones are given up; when there are none, new clients are refused and requests that need an upstream get the status 500.',
      differs:
        'Unless it is given, the only limit is that of open files; in nginx it is 512 then. Where open files run short, idle connections are given up and accepting pauses. Listening sockets do not count.',
      example: 'worker_connections 4096;',
    },
    use: {
      contexts: ['events'],
      takes: method,
      noEffect: 'Node.js takes the method that fits the system.',
      doc: 'In nginx, the method by which the system reports events.',
      example: 'use epoll;',
    },
    multi_accept: {
      contexts: ['events'],
      takes: flag,
      default: 'off',
      noEffect: 'Node.js accepts what is there.',
      doc: 'In nginx, whether a worker process accepts all new connections at once.',
      example: 'multi_accept on;',
    },
    accept_mutex: {
      contexts: ['events'],
      takes: flag,
      default: 'off',
      noEffect: 'One process serves.',
      doc: 'In nginx, whether worker processes accept connections in turn.',
      example: 'accept_mutex off;',
    },
    accept_mutex_delay: {
      contexts: ['events'],
      takes: milliseconds,
      default: '500ms',
      noEffect: 'One process serves.',
      doc: 'In nginx, how long a worker process waits until it tries to accept connections again.',
      example: 'accept_mutex_delay 100ms;',
    },
    worker_aio_requests: {
      contexts: ['events'],
      takes: integer(),
      default: '32',
      noEffect: 'Node.js reads files by its own thread pool.',
      doc: 'In nginx, the number of asynchronous reads of files that a worker process may have at a time.',
      example: 'worker_aio_requests 64;',
    },
    debug_connection: {
      contexts: ['events'],
      takes: named('address | CIDR | unix:', text),
      repeat: true,
      noEffect: 'The level of a log holds for all connections.',
      doc: 'In nginx, the clients whose connections are logged at the debug level.',
      example: 'debug_connection 192.0.2.0/24;',
    },
  },
});
