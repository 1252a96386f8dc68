/** Addresses and names of servers. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import type { Scope } from './scope.js';

export interface Listen {
  readonly statement: Statement | null;
  /** Address and port in normalized form: `*:80`, `127.0.0.1:8080`, `unix:/x`. */
  readonly key: string;
  readonly port: string;
  readonly loopback: boolean;
  /** Whether it is an address of a private network (RFC 1918, 4193) or of this machine. */
  readonly isPrivate: boolean;
  readonly tls: boolean;
  readonly isDefault: boolean;
}

const INSIDE = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|\[f[cd])/i;

/** Listen addresses of a server; `*:80` if it has no `listen`. */
export function listensOf(server: Scope): readonly Listen[] {
  const statements = server.own('listen');
  const all = server.value('ssl') === 'on';
  if (statements.length === 0) {
    return [
      { statement: null, key: '*:80', port: '80', loopback: false, isPrivate: false, tls: all, isDefault: false },
    ];
  }
  return statements.flatMap((statement) => {
    const [address, ...parameters] = statement.args.map(({ text }) => text);
    if (address === undefined) return [];
    const tls = all || parameters.includes('ssl') || parameters.includes('quic');
    const isDefault = parameters.includes('default_server') || parameters.includes('default');
    const udp = parameters.includes('quic') ? 'udp ' : '';
    if (address.startsWith('unix:'))
      return [{ statement, key: address, port: '', loopback: true, isPrivate: true, tls, isDefault }];
    const [, host = '', port = '80'] = /^(?:(.*?):)?(\d+)$/.exec(address) ?? [null, address, '80'];
    const plain = host === '' || host === '0.0.0.0' ? '*' : host;
    const loopback = /^(?:127\.|\[::1\]|localhost$)/.test(plain);
    const isPrivate = loopback || INSIDE.test(plain);
    return [{ statement, key: `${udp}${plain}:${port}`, port, loopback, isPrivate, tls, isDefault }];
  });
}

/** Whether a server uses TLS on all, some, or none of its addresses. */
export function tlsOf(server: Scope): 'all' | 'some' | 'none' {
  const listens = listensOf(server);
  if (listens.every(({ tls }) => tls)) return 'all';
  return listens.some(({ tls }) => tls) ? 'some' : 'none';
}

/** Names of a server, as written. */
export function namesOf(server: Scope): readonly string[] {
  return server.own('server_name').flatMap(({ args }) => args.map(({ text }) => text));
}

/** A server at one of its addresses. */
export interface AddressMember {
  readonly server: Scope;
  readonly listen: Listen;
}

/** The servers of each address, in the order written; see `Listen.key`. */
export const serversByAddress = oncePerConfig((c: LintContext): ReadonlyMap<string, readonly AddressMember[]> => {
  const all = new Map<string, AddressMember[]>();
  for (const server of c.scopes('server')) {
    if (server.parent?.kind !== 'http') continue;
    for (const listen of listensOf(server)) {
      const others = all.get(listen.key);
      if (others === undefined) all.set(listen.key, [{ server, listen }]);
      else others.push({ server, listen });
    }
  }
  return all;
});

/** The statement that enables HTTP/2 in a server: a `listen`, preferably one without TLS, or the directive. */
export function http2Of(server: Scope): { readonly http2: Statement; readonly plain: boolean } | undefined {
  const listens = listensOf(server).flatMap(({ statement, tls }) =>
    statement?.args.some(({ text }) => text === 'http2') === true ? [{ http2: statement, plain: !tls }] : [],
  );
  const on = server.effective('http2').find(({ args }) => args[0]?.text === 'on');
  return listens.find(({ plain }) => plain) ?? listens[0] ?? (on && { http2: on, plain: false });
}
