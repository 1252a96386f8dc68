/** What the `listen` of servers say. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { Scope } from './scope.js';

export interface Listen {
  readonly statement: Statement | null;
  /** Address and port, in one way of writing: `*:80`, `127.0.0.1:8080`, `unix:/x`. */
  readonly key: string;
  readonly port: string;
  readonly loopback: boolean;
  /** An address of a private network (RFC 1918, 4193), or of this machine. */
  readonly inside: boolean;
  readonly tls: boolean;
  readonly isDefault: boolean;
}

const INSIDE = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|\[f[cd])/i;

/** Where a server listens; `*:80` where nothing is written. */
export function listensOf(server: Scope): readonly Listen[] {
  const statements = server.own('listen');
  const all = server.value('ssl') === 'on';
  if (statements.length === 0) {
    return [{ statement: null, key: '*:80', port: '80', loopback: false, inside: false, tls: all, isDefault: false }];
  }
  return statements.flatMap((statement) => {
    const [address, ...parameters] = statement.args.map(({ text }) => text);
    if (address === undefined) return [];
    const tls = all || parameters.includes('ssl') || parameters.includes('quic');
    const isDefault = parameters.includes('default_server') || parameters.includes('default');
    const udp = parameters.includes('quic') ? 'udp ' : '';
    if (address.startsWith('unix:'))
      return [{ statement, key: address, port: '', loopback: true, inside: true, tls, isDefault }];
    const [, host = '', port = '80'] = /^(?:(.*?):)?(\d+)$/.exec(address) ?? [null, address, '80'];
    const plain = host === '' || host === '0.0.0.0' ? '*' : host;
    const loopback = /^(?:127\.|\[::1\]|localhost$)/.test(plain);
    const inside = loopback || INSIDE.test(plain);
    return [{ statement, key: `${udp}${plain}:${port}`, port, loopback, inside, tls, isDefault }];
  });
}

/** Whether all connections to a server are encrypted by itself, some, or none. */
export function tlsOf(server: Scope): 'all' | 'some' | 'none' {
  const listens = listensOf(server);
  if (listens.every(({ tls }) => tls)) return 'all';
  return listens.some(({ tls }) => tls) ? 'some' : 'none';
}

/** The names of a server, as written. */
export function namesOf(server: Scope): readonly string[] {
  return server.own('server_name').flatMap(({ args }) => args.map(({ text }) => text));
}
