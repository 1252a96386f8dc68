/** nginx's `ngx_http_v2_module`, which is not supported: its directives are accepted, and clients use HTTP/1.1. */
import { flag, integer, mapped, named, size, text } from '../config/argument-types.js';
import type { ArgumentType, Context, DirectiveSpec } from '../config/directive.js';
import { defineModule } from '../program/module.js';

const NO_HTTP2 = 'HTTP/2 is not supported: clients use HTTP/1.1.';

const SERVER = ['http', 'server'] as const;
const LOCATION = ['http', 'server', 'location'] as const;

const switched = mapped(flag, (on, c, [word]) => {
  if (on && word !== undefined) {
    c.report(word, 'no-effect', '"http2" is not supported', {
      severity: 'warning',
      missing: { name: 'http2', module: 'ngx_http_v2_module' },
      help: 'clients of this server use HTTP/1.1',
    });
  }
  return on;
});

function setting<T>(contexts: readonly Context[], takes: ArgumentType<T>, example: string) {
  return { contexts, takes, noEffect: NO_HTTP2, doc: 'In nginx, a setting of HTTP/2.', example } as const;
}

function obsolete(contexts: readonly Context[], example: string) {
  return {
    contexts,
    takes: named('value', text),
    noEffect: NO_HTTP2,
    doc: 'In nginx, an obsolete setting of HTTP/2.',
    example,
  } as const satisfies DirectiveSpec;
}

export default defineModule({
  name: 'v2',
  doc: 'HTTP/2, which is not supported: configurations for it are accepted, and clients use HTTP/1.1.',
  directives: {
    http2: {
      contexts: SERVER,
      takes: switched,
      default: 'off',
      noEffect: NO_HTTP2,
      doc: 'In nginx, whether HTTP/2 is enabled. `on` causes a warning.',
      example: 'http2 off;',
    },
    http2_recv_buffer_size: setting(['http'], size, 'http2_recv_buffer_size 256k;'),
    http2_pool_size: setting(SERVER, size, 'http2_pool_size 4k;'),
    http2_max_concurrent_streams: setting(SERVER, integer(), 'http2_max_concurrent_streams 128;'),
    http2_body_preread_size: setting(SERVER, size, 'http2_body_preread_size 64k;'),
    http2_streams_index_size: setting(SERVER, integer(), 'http2_streams_index_size 32;'),
    http2_chunk_size: setting(LOCATION, size, 'http2_chunk_size 8k;'),
    http2_max_concurrent_pushes: obsolete(SERVER, 'http2_max_concurrent_pushes 10;'),
    http2_max_requests: obsolete(SERVER, 'http2_max_requests 1000;'),
    http2_max_field_size: obsolete(SERVER, 'http2_max_field_size 4k;'),
    http2_max_header_size: obsolete(SERVER, 'http2_max_header_size 16k;'),
    http2_recv_timeout: obsolete(SERVER, 'http2_recv_timeout 30s;'),
    http2_idle_timeout: obsolete(SERVER, 'http2_idle_timeout 3m;'),
    http2_push_preload: { ...obsolete(LOCATION, 'http2_push_preload off;'), takes: flag },
    http2_push: obsolete(LOCATION, 'http2_push off;'),
  },
  variables: {
    http2: { get: () => '', doc: 'In nginx, the negotiated version of HTTP/2: `h2` or `h2c`. Here always empty.' },
  },
});
