/** `listen`: addresses and sockets of a server. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { mayBeHost, parseAddress } from '../../config/address.js';
import { custom } from '../../config/argument-types.js';
import type { ArgumentContext, Directives } from '../../config/directive.js';
import { placeOf } from '../../config/place.js';
import { parseInteger, parseSeconds, parseSize } from '../../config/units.js';
import { DEFAULT_LISTEN_OPTIONS, type ListenData, type SocketOptions } from '../../routing/listen-data.js';
import type { TcpKeepalive } from '../../routing/listeners.js';

const NODE_MAJOR = Number.parseInt(process.versions.node, 10);

const NO_OPTION = 'Node.js does not support this socket option.';

function parseListen(words: readonly Word[], c: ArgumentContext): ListenData {
  const [word, ...parameters] = words as [Word, ...Word[]]; // at least one word: `min`
  const address = parseAddress(word.text, { defaultPort: 80, listen: true });
  if ('mistake' in address) {
    return c.fail(word, 'invalid-value', `${address.mistake} in "${word.text}" of the "listen" directive`);
  }
  if (!('path' in address) && !mayBeHost(word.text)) {
    c.fail(word, 'invalid-value', `host not found in "${word.text}" of the "listen" directive`, {
      help: 'this is neither an address nor a host name',
    });
  }
  let options = DEFAULT_LISTEN_OPTIONS;
  for (const parameter of parameters) options = { ...options, ...parseParameter(parameter, c) };
  const quic = parameters.some(({ text }) => text === 'quic');
  const clash = quic ? parameters.find(({ text }) => WITHOUT_QUIC.has(text)) : undefined;
  if (clash !== undefined) {
    const message = `"listen" directive "${clash.text}" parameter is incompatible with "quic"`;
    c.fail(clash, 'invalid-value', message, {
      help: 'listen on the address twice: with quic, and with other parameters',
    });
  }
  return { written: word.text, address, options, at: placeOf(c.statement), quic };
}

/** Parameters that `quic` excludes. */
const WITHOUT_QUIC: ReadonlySet<string> = new Set(['ssl', 'http2', 'proxy_protocol']);

/** Parameters of the socket without a value that is checked. */
const UNCHECKED = /^(?:bind|deferred|multipath|accept_filter=.*)$/;

function parseParameter(word: Word, c: ArgumentContext): Partial<SocketOptions> {
  const { text } = word;
  if (text === 'default_server' || text === 'default') return { defaultServer: true };
  if (text === 'ssl') return { ssl: true };
  if (text === 'proxy_protocol') return { proxyProtocol: true };
  if (text === 'reuseport') return { set: true, reuseport: true };
  if (UNCHECKED.test(text)) return { set: true };
  if (text === 'http2') {
    const message = 'the "listen ... http2" directive is deprecated, use the "http2" directive instead';
    c.report(word, 'deprecated', message, {
      severity: 'warning',
      help: 'write "http2 on;" in the server, or in http for all servers; the parameter applies to all servers of the address',
    });
    return { http2: true };
  }
  if (text === 'quic') {
    c.report(word, 'no-effect', '"quic" is not supported', {
      severity: 'warning',
      missing: { name: 'quic', module: 'ngx_http_v3_module' },
      help: 'this address is not listened on',
    });
    return {};
  }
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals));
  const value = text.slice(equals + 1);
  switch (name) {
    case 'backlog': {
      const backlog = parseInteger(value);
      // nginx uses -1 for the system limit on some platforms, but rejects it in the configuration.
      return backlog === null || backlog === 0 ? invalid(word, 'backlog', c) : { set: true, backlog };
    }
    case 'rcvbuf':
    case 'sndbuf':
      return parseSize(value) === null ? invalid(word, name, c) : { set: true };
    case 'setfib':
    case 'fastopen':
      return parseInteger(value) === null ? invalid(word, name, c) : { set: true };
    case 'ipv6only':
      if (value === 'on' || value === 'off') return { set: true, ipv6only: value === 'on' };
      return c.fail(word, 'invalid-value', `invalid ipv6only flags "${value}"`, { help: 'it must be "on" or "off"' });
    case 'so_keepalive':
      return { set: true, keepalive: parseKeepalive(value) ?? invalidKeepalive(word, value, c) };
  }
  return c.fail(word, 'invalid-value', `invalid parameter "${text}"`, {
    help: 'valid parameters: default_server, ssl, http2, proxy_protocol, backlog=number, reuseport, ipv6only=on|off, so_keepalive=..., bind, deferred, fastopen=number, rcvbuf=size, sndbuf=size',
  });
}

function invalid(word: Word, name: string, c: ArgumentContext): never {
  return c.fail(word, 'invalid-value', `invalid ${name} "${word.text}"`);
}

function invalidKeepalive(word: Word, value: string, c: ArgumentContext): never {
  return c.fail(word, 'invalid-value', `invalid so_keepalive value: "${value}"`, {
    help: 'it must be on, off, or [idle]:[interval]:[count], such as 30m::10',
  });
}

/** Parses `on`, `off`, or idle time, interval and count, of which at least one is given; null if invalid. */
function parseKeepalive(value: string): TcpKeepalive | null {
  if (value === 'on' || value === 'off') return value;
  const [first = '', second = '', ...rest] = value.split(':');
  const third = rest.join(':');
  const idle = first === '' ? 0 : parseSeconds(first);
  const interval = second === '' ? 0 : parseSeconds(second);
  const count = third === '' ? 0 : parseInteger(third);
  if (idle === null || interval === null || count === null) return null;
  return idle === 0 && interval === 0 && count === 0 ? null : { idle, interval, count };
}

export const listenDirectives = {
  listen: {
    contexts: ['server'],
    takes: custom(
      'address[:port] | port | unix:path [default_server] [ssl] [http2] [proxy_protocol] [backlog=number] [reuseport] [ipv6only=on|off] [so_keepalive=on|off|[idle]:[interval]:[count]] [bind] [deferred] [fastopen=number] [rcvbuf=size] [sndbuf=size]',
      1,
      Number.POSITIVE_INFINITY,
      parseListen,
    ),
    repeat: true,
    inherit: 'none',
    doc: 'Address on which the server accepts connections: an IPv4 address, an IPv6 address in brackets, a host name or `*`, with a port or a range of ports (`8000-8010`), a port alone, or `unix:` and a path. The first server of an address is the default server for hosts that match no `server_name`, unless another server has `default_server`. With `ssl`, connections use TLS. With `http2`, clients may use HTTP/2 for all servers of the address; the directive `http2` replaces this parameter. With `proxy_protocol`, each connection begins with a header of the PROXY protocol, version 1 or 2, in which a proxy passes on the addresses of its client; see `real_ip_header`. `backlog` is the length of the queue of pending connections, `reuseport` allows several processes to listen on the same address, `ipv6only=off` lets a socket for `[::]` accept IPv4 as well. `so_keepalive` makes the kernel probe idle connections, which detects clients that are gone: with the values of the system, or with an idle time, an interval and a number of probes.',
    example: 'listen 127.0.0.1:8080 default_server backlog=1024;',
    noEffectParameters: {
      deferred: NO_OPTION,
      fastopen: NO_OPTION,
      multipath: NO_OPTION,
      rcvbuf: NO_OPTION,
      sndbuf: NO_OPTION,
      setfib: 'Only FreeBSD has this socket option.',
      accept_filter: 'Only FreeBSD and NetBSD have accept filters.',
    },
    differs:
      'Port 0 is allowed: the system chooses a port. Interval and number of probes of `so_keepalive` are applied by Node.js 24 and later; before, they are 1s and 10, unless it is `on`. A PROXY protocol header may arrive in several pieces, and may have 107 bytes in version 1 and 4096 in version 2. An address with `quic` is not listened on.',
    differsFor: ([address = '', ...parameters]) =>
      /(^|:)0$/.test(address) ||
      (NODE_MAJOR < 24 && parameters.some((each) => /^so_keepalive=.*:/.test(each))) ||
      parameters.includes('quic'),
  },
} as const satisfies Directives;
