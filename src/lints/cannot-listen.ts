import { readFileSync } from 'node:fs';
import type { Word } from '../../grammar/syntax-tree.js';
import { isWildcard, parseAddress } from '../config/address.js';
import { errnoText } from '../diagnostics/errno.js';
import { listenAddresses, listenKey } from '../routing/listeners.js';
import { defineLint, type LintContext } from './engine/lint.js';

/** Addresses beyond which the rest is left to the start. */
const MOST = 200;

export default defineLint({
  code: 'cannot-listen',
  severity: 'warning',
  on: 'listen',
  story:
    'An address to listen on cannot be bound now: it belongs to no interface of this machine, its port is below 1024 and the user may not have it, or another program has it. A start fails then. A port in use is not reported if the pid file names a running process, because then this configuration is being served.',
  check(c) {
    for (const { at, key, other } of overlaps(c)) {
      c.report(at, `bind() to ${key} failed (98: Address already in use)`, {
        severity: 'error',
        help: 'with ipv6only=off it takes IPv4 connections as well, and so does the other listen: leave one of them out, or leave ipv6only at on',
        related: [{ at: other, message: 'this takes the port for IPv4' }],
      });
    }
  },
  async probe(c) {
    const wanted = addressesIn(c);
    if (wanted.length === 0) return;
    const { createServer } = await import('node:net');
    const serves = isServed(c);
    await Promise.all(
      wanted.map(({ host, port, key, at }) => {
        return new Promise<void>((resolve) => {
          const server = createServer();
          server.once('error', (error: NodeJS.ErrnoException) => {
            const inUse = error.code === 'EADDRINUSE';
            if (!inUse || !serves) {
              c.report(at, `bind() to ${key} failed (${errnoText(error)})`, {
                ...(inUse && { severity: 'hint' as const }),
                help: helpFor(error.code),
              });
            }
            resolve();
          });
          server.listen({ host, port, exclusive: true, ipv6Only: true }, () => server.close(() => resolve()));
        });
      }),
    );
  },
});

interface Wanted {
  readonly host: string;
  readonly port: number;
  readonly key: string;
  readonly at: Word;
}

/** What would be bound, each once. Unix sockets are left alone: to bind one makes a file. */
function addressesIn(c: LintContext): Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const server of c.scopes('server')) {
    for (const { args } of server.own('listen')) {
      const [word] = args;
      const address = word === undefined ? null : parseAddress(word.text, { defaultPort: 80, listen: true });
      if (word === undefined || address === null || 'mistake' in address || args.some(({ text }) => text === 'quic'))
        continue;
      for (const each of listenAddresses(address)) {
        if (each.family === 'unix' || each.port === 0) continue;
        const key = listenKey(each);
        if (!wanted.has(key)) wanted.set(key, { host: each.host, port: each.port, key, at: word });
      }
    }
  }
  // Beside a wildcard nothing else of its port is bound.
  const wildcards = new Set([...wanted.values()].flatMap(({ host, port }) => (isWildcard(host) ? [port] : [])));
  return [...wanted.values()].filter(({ host, port }) => isWildcard(host) || !wildcards.has(port)).slice(0, MOST);
}

/** Addresses of IPv6 that take IPv4 as well, on ports that another `listen` has for IPv4. */
function overlaps(c: LintContext): { readonly at: Word; readonly key: string; readonly other: Word }[] {
  const both: { readonly at: Word; readonly port: number; readonly key: string }[] = [];
  const ports = new Map<number, Word>();
  for (const server of c.scopes('server')) {
    for (const { args } of server.own('listen')) {
      const [at] = args;
      const address = at === undefined ? null : parseAddress(at.text, { defaultPort: 80, listen: true });
      if (at === undefined || address === null || 'mistake' in address) continue;
      for (const each of listenAddresses(address)) {
        if (each.family === 'inet') ports.set(each.port, at);
        else if (each.family === 'inet6' && each.host === '::' && args.some(({ text }) => text === 'ipv6only=off')) {
          both.push({ at, port: each.port, key: listenKey(each) });
        }
      }
    }
  }
  return both.flatMap(({ at, port, key }) => {
    const other = ports.get(port);
    return other === undefined ? [] : [{ at, key, other }];
  });
}

/** Whether the pid file names a process that lives. */
function isServed(c: LintContext): boolean {
  const path = c.config?.values.pid ?? c.main.own('pid')[0]?.args[0]?.text ?? c.defaultPidFile();
  if (typeof path !== 'string') return false;
  try {
    const pid = Number(readFileSync(Buffer.from(c.path(path), 'latin1'), 'latin1').trim());
    if (!Number.isInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It lives, and is another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function helpFor(code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'another process has this port now; a start fails while it does';
    case 'EACCES':
      return 'this user may not listen on ports below 1024; choose another one, or start as root';
    case 'EADDRNOTAVAIL':
      return 'no interface of this machine has the address';
    default:
      return 'a start would fail';
  }
}
