/** Directives about connections to upstreams that all pass directives have, under their own prefix (`proxy_…`, `tunnel_…`). */
import { flag, integer, milliseconds, size } from '../config/argument-types.js';
import type { Context, DirectiveSpec } from '../config/directive.js';

const CONTEXTS: readonly Context[] = ['http', 'server', 'location'];

/** Directives without their prefix; `p` is the prefix with its underscore, for examples. */
export function connectionDirectives(p: string) {
  return {
    connect_timeout: {
      contexts: CONTEXTS,
      takes: milliseconds,
      default: '60s',
      doc: 'Timeout for establishing a connection to the upstream server.',
      example: `${p}connect_timeout 5s;`,
    },
    send_timeout: {
      contexts: CONTEXTS,
      takes: milliseconds,
      default: '60s',
      doc: 'Timeout between two successive writes of the request (or of tunnel data) to the upstream, not for the whole request.',
      example: `${p}send_timeout 30s;`,
    },
    next_upstream_tries: {
      contexts: CONTEXTS,
      takes: integer(),
      default: '0',
      doc: 'Maximum number of tries, including the first; 0 disables the limit.',
      example: `${p}next_upstream_tries 2;`,
    },
    next_upstream_timeout: {
      contexts: CONTEXTS,
      takes: milliseconds,
      default: '0',
      doc: 'Time during which a request may be passed to a next server; 0 disables the limit.',
      example: `${p}next_upstream_timeout 10s;`,
    },
    socket_keepalive: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether TCP keep-alive is enabled on connections to the upstream.',
      example: `${p}socket_keepalive on;`,
    },
    socket_rcvbuf: {
      contexts: CONTEXTS,
      takes: size,
      default: '0',
      doc: 'In nginx, the size of the receive buffer of connections to the upstream; 0 leaves it to the system.',
      example: `${p}socket_rcvbuf 64k;`,
      noEffect: 'Node.js sets no buffer sizes of TCP sockets: the system adapts them (`net.ipv4.tcp_rmem`)',
    },
    socket_sndbuf: {
      contexts: CONTEXTS,
      takes: size,
      default: '0',
      doc: 'In nginx, the size of the send buffer of connections to the upstream; 0 leaves it to the system.',
      example: `${p}socket_sndbuf 64k;`,
      noEffect: 'Node.js sets no buffer sizes of TCP sockets: the system adapts them (`net.ipv4.tcp_wmem`)',
    },
  } as const satisfies Record<string, DirectiveSpec>;
}

/** The directive `send_lowat`, which most pass directives have. */
export function lowWaterMark(p: string) {
  return {
    send_lowat: {
      contexts: CONTEXTS,
      takes: size,
      doc: 'Send low-water mark on some systems.',
      example: `${p}send_lowat 12000;`,
      noEffect: 'Linux has no such setting',
    },
  } as const satisfies Record<string, DirectiveSpec>;
}
