/** nginx's `ngx_http_v2_module`: HTTP/2 for clients. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, flag, integer, named, size } from '../config/argument-types.js';
import type { ArgumentContext, ArgumentType, Context, DirectiveSpec } from '../config/directive.js';
import { MAX_WINDOW } from '../http2/frame-types.js';
import { HTTP2 } from '../http2/http2-settings.js';
import { defineModule } from '../program/module.js';

const SERVER = ['http', 'server'] as const;
const LOCATION = ['http', 'server', 'location'] as const;

/** nginx's NGX_HTTP_V2_STATE_BUFFER_SIZE. */
const STATE_BUFFER = 16;
/** nginx's NGX_HTTP_V2_MAX_FRAME_SIZE. */
const MAX_CHUNK = 16_777_215;
/** nginx's NGX_MIN_POOL_SIZE and NGX_POOL_ALIGNMENT. */
const MIN_POOL = 112;
const POOL_ALIGNMENT = 16;

const NO_POOL = 'Memory is allocated by Node.js.';
const NO_BUFFER = 'All connections of a worker read into one buffer of 128 KiB.';
const NO_INDEX = 'Streams are found without an index of fixed size.';
const OBSOLETE = 'nginx has removed its effect.';

/** A value that is checked after it was parsed; `mistake` returns nginx's message. */
function checked(type: ArgumentType<number>, mistake: (value: number) => string | null): ArgumentType<number> {
  return {
    ...type,
    parse(words, c) {
      const value = type.parse(words, c);
      const message = mistake(value);
      return message === null ? value : c.fail(words[0] as Word, 'invalid-value', message); // one word: `min`
    },
  };
}

const bufferSize = checked(size, (value) =>
  value > STATE_BUFFER ? null : '"http2_recv_buffer_size" directive value is too small',
);
const prereadSize = checked(size, (value) =>
  value <= MAX_WINDOW ? null : `the maximum body preread buffer size is ${MAX_WINDOW}`,
);
const chunkSize = checked(size, (value) => (value > 0 ? null : 'the http2 chunk size cannot be zero'));
const poolSize = checked(size, (value) => {
  if (value < MIN_POOL) return `the pool size must be no less than ${MIN_POOL}`;
  return value % POOL_ALIGNMENT === 0 ? null : `the pool size must be a multiple of ${POOL_ALIGNMENT}`;
});
const indexSize = checked(integer(), (value) =>
  value !== 0 && Number.isInteger(Math.log2(value))
    ? null
    : '"http2_streams_index_size" directive must be a power of two',
);

/** An obsolete directive; `instead`: the directive that replaces it. */
function obsolete(contexts: readonly Context[], name: string, value: string, instead: string | null) {
  const takes = custom('value', 1, 1, ([word]: readonly Word[], c: ArgumentContext): string => {
    const first = word as Word; // one word: `min`
    const advice = instead === null ? 'ignored' : `use the "${instead}" directive instead`;
    c.report(c.statement.name, 'deprecated', `the "${name}" directive is obsolete, ${advice}`, { severity: 'warning' });
    return first.text;
  });
  return {
    contexts,
    takes,
    noEffect: OBSOLETE,
    doc: instead === null ? 'Obsolete in nginx.' : `Obsolete in nginx, which uses \`${instead}\` instead.`,
    example: `${name} ${value};`,
  } as const satisfies DirectiveSpec;
}

export default defineModule({
  name: 'v2',
  doc: 'HTTP/2 for clients: over TLS if the client chooses it (ALPN), and on clear text for clients that begin with it, next to HTTP/1 on the same address.',
  directives: {
    http2: {
      contexts: SERVER,
      takes: flag,
      default: 'off',
      doc: 'Whether clients may use HTTP/2. With TLS, the server that the client names (SNI) decides whether HTTP/2 is offered. On clear text, the default server of the address decides; connections that do not begin with the preface of HTTP/2 use HTTP/1. A request for a server for which HTTP/2 is off is refused with 421.',
      example: 'http2 on;',
    },
    http2_recv_buffer_size: {
      contexts: ['http'],
      takes: bufferSize,
      default: '256k',
      noEffect: NO_BUFFER,
      doc: 'In nginx, the size of the buffer into which the connections of a worker read.',
      example: 'http2_recv_buffer_size 256k;',
    },
    http2_pool_size: {
      contexts: SERVER,
      takes: poolSize,
      default: '4k',
      noEffect: NO_POOL,
      doc: 'In nginx, the size of memory pools of connections.',
      example: 'http2_pool_size 4k;',
    },
    http2_max_concurrent_streams: {
      contexts: SERVER,
      takes: integer(),
      default: '128',
      doc: 'Maximum number of concurrent requests on one connection; further ones are refused, and clients may repeat them. The setting of the server of the connection applies: the default server of the address, or with TLS the one that the client has named.',
      example: 'http2_max_concurrent_streams 64;',
    },
    http2_body_preread_size: {
      contexts: SERVER,
      takes: prereadSize,
      default: '64k',
      doc: 'Number of bytes of a request body that a client may send before the body is read: its initial flow-control window. The setting of the server of the connection applies.',
      example: 'http2_body_preread_size 128k;',
    },
    http2_extended_connect: {
      contexts: SERVER,
      takes: flag,
      default: 'off',
      doc: 'Whether clients may open WebSockets on streams of HTTP/2 connections (extended CONNECT, RFC 8441), as browsers do if it is announced. It is announced if a location of the server opens WebSockets: with `proxy_websocket on`, a target `ws://` or `wss://`, `proxy_set_header Upgrade`, or `console`. The setting of the server of the connection applies: the default server of the address, or with TLS the one that the client has named. In the proxy such a request is the handshake of HTTP/1.1: its method is GET, `$http_upgrade` is `websocket`, `$http_connection` is `Upgrade`, and the proxy chooses `Sec-WebSocket-Key` and checks the response to it. The client receives 200 instead of 101; other statuses are passed on, except that 2xx without a WebSocket becomes 502. A protocol other than `websocket` is refused with 501. This is an extension of tsproxy with the name of a directive that was proposed for nginx.',
      example: 'http2_extended_connect on;',
    },
    http2_streams_index_size: {
      contexts: SERVER,
      takes: indexSize,
      default: '32',
      noEffect: NO_INDEX,
      doc: 'In nginx, the size of the index of streams.',
      example: 'http2_streams_index_size 32;',
    },
    http2_chunk_size: {
      contexts: LOCATION,
      takes: named('size', chunkSize),
      default: '8k',
      doc: 'Maximum size of the parts (DATA frames) into which the body of a response is divided. A smaller value lets concurrent responses alternate more often and adds overhead; a client may limit the size further.',
      example: 'http2_chunk_size 16k;',
    },
    http2_max_concurrent_pushes: obsolete(SERVER, 'http2_max_concurrent_pushes', '10', null),
    http2_max_requests: obsolete(SERVER, 'http2_max_requests', '1000', 'keepalive_requests'),
    http2_max_field_size: obsolete(SERVER, 'http2_max_field_size', '4k', 'large_client_header_buffers'),
    http2_max_header_size: obsolete(SERVER, 'http2_max_header_size', '16k', 'large_client_header_buffers'),
    http2_recv_timeout: obsolete(SERVER, 'http2_recv_timeout', '30s', 'client_header_timeout'),
    http2_idle_timeout: obsolete(SERVER, 'http2_idle_timeout', '3m', 'keepalive_timeout'),
    http2_push_preload: obsolete(LOCATION, 'http2_push_preload', 'off', null),
    http2_push: obsolete(LOCATION, 'http2_push', 'off', null),
  },
  variables: {
    http2: {
      get: (x) => (x.version === 20 ? (x.client.secure ? 'h2' : 'h2c') : ''),
      doc: 'Version of HTTP/2 on the connection: `h2` over TLS, `h2c` on clear text; empty for HTTP/1.',
    },
  },
  settings(conf, { program, server, block }) {
    const chunk = Math.min(conf.http2_chunk_size, MAX_CHUNK);
    if (server !== null) program.settings.set(HTTP2, { ...server.base.settings.get(HTTP2), chunkSize: chunk });
    else if (block.context === 'server') {
      program.settings.set(HTTP2, {
        enabled: conf.http2,
        maxConcurrentStreams: conf.http2_max_concurrent_streams,
        prereadSize: conf.http2_body_preread_size,
        extendedConnect: conf.http2_extended_connect,
        chunkSize: chunk,
      });
    }
  },
});
