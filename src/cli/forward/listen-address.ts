/** The address that `tsproxy forward` listens on. */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { UsageError } from '../usage-error.js';

export interface ListenAddress {
  /** Values of `listen`. */
  readonly addresses: readonly string[];
  /** Host for URLs; null for a unix socket. */
  readonly host: string | null;
}

/** An address as people write it: a port, or host and port, or a unix socket. Names other than these are routes or commands. */
const ADDRESS =
  /^(?:unix:.+|(?:(?<host>\*|localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\])?:)?(?<port>\d{1,5}))$/i;

/** Whether the word is such an address. */
export function isListenAddress(word: string): boolean {
  return ADDRESS.test(word);
}

/** Parses it. Without a host, and for `localhost`, it is a loopback address: other machines cannot connect. */
export function listenAddress(word: string): ListenAddress {
  const groups = ADDRESS.exec(word)?.groups;
  if (groups === undefined) throw new UsageError(`invalid address "${word}"`, HINT);
  if (word.startsWith('unix:')) return { addresses: [`unix:${resolve(word.slice(5))}`], host: null };
  const { host = 'localhost', port = '' } = groups;
  if (Number(port) > 65535) throw new UsageError(`invalid port "${port}"`, HINT);
  if (host === '*')
    return { addresses: hasIpv6('::') ? [`0.0.0.0:${port}`, `[::]:${port}`] : [`0.0.0.0:${port}`], host };
  if (/localhost$/i.test(host)) return { addresses: loopback(Number(port)), host: host.toLowerCase() };
  const version = isIP(host.replace(/^\[|\]$/g, ''));
  if (version !== (host.startsWith('[') ? 6 : 4)) throw new UsageError(`invalid address "${word}"`, HINT);
  return { addresses: [`${host}:${port}`], host };
}

const HINT = 'An address is a port, "HOST:PORT" ("*:8080" for all interfaces), or "unix:PATH".';

/** Both loopback addresses, because browsers try the one of IPv6 first. With port 0 each would get another port. */
function loopback(port: number): string[] {
  const v4 = `127.0.0.1:${port}`;
  return port !== 0 && hasIpv6('::1') ? [v4, `[::1]:${port}`] : [v4];
}

/** Whether an interface has that address, or any IPv6 address for `::`. */
function hasIpv6(address: string): boolean {
  return Object.values(networkInterfaces()).some((list) =>
    list?.some((each) => each.family === 'IPv6' && (address === '::' || each.address === address)),
  );
}

/** Whether other machines can connect, at any address of this one. */
export function isWildcard({ host }: ListenAddress): boolean {
  return host === '*' || host === '0.0.0.0' || host === '[::]';
}
