/** nginx's `ngx_http_v3_module`, which is not supported: its directives are accepted, and clients use TCP. */
import { flag, integer, path, size } from '../config/argument-types.js';
import type { ArgumentType } from '../config/directive.js';
import { defineModule } from '../program/module.js';

const NO_HTTP3 = 'HTTP/3 is not supported: clients connect over TCP.';

function setting<T>(takes: ArgumentType<T>, example: string) {
  return {
    contexts: ['http', 'server'],
    takes,
    noEffect: NO_HTTP3,
    doc: 'In nginx, a setting of HTTP/3.',
    example,
  } as const;
}

export default defineModule({
  name: 'v3',
  doc: 'HTTP/3, which is not supported: configurations for it are accepted, and clients connect over TCP.',
  directives: {
    http3: setting(flag, 'http3 on;'),
    http3_hq: setting(flag, 'http3_hq off;'),
    http3_max_concurrent_streams: setting(integer(), 'http3_max_concurrent_streams 128;'),
    http3_stream_buffer_size: setting(size, 'http3_stream_buffer_size 64k;'),
    quic_retry: setting(flag, 'quic_retry on;'),
    quic_gso: setting(flag, 'quic_gso on;'),
    quic_host_key: setting(path('conf'), 'quic_host_key /etc/nginx/quic.key;'),
    quic_active_connection_id_limit: setting(integer(), 'quic_active_connection_id_limit 2;'),
  },
  variables: {
    http3: { get: () => '', doc: 'In nginx, the negotiated version of HTTP/3: `h3` or `hq`. Here always empty.' },
  },
});
