import { readFileSync } from 'node:fs';
import type { Word } from '../../grammar/syntax-tree.js';
import { isWildcard, parseAddress } from '../config/address.js';
import { errnoText } from '../diagnostics/errno.js';
import { portUse } from '../net/port-owner.js';
import { listenAddresses, listenKey } from '../routing/listeners.js';
import { defineLint, type LintContext } from './engine/lint.js';

/** Addresses probed at most; the rest is checked when tsproxy starts. */
const MAX_ADDRESSES = 200;

export default defineLint({
  code: 'cannot-listen',
  severity: 'warning',
  on: 'listen',
  story:
    'A listen address cannot be bound at the moment: it belongs to no interface of this machine, its port is below 1024 and the user lacks the permission, or another program uses it. Starting tsproxy would fail. A port in use is not reported if the pid file names a running process, because that process is presumably serving this configuration.',
  check(c) {
    for (const { at, key, other } of overlaps(c)) {
      c.report(at, `bind() to ${key} failed (98: Address already in use)`, {
        severity: 'error',
        help: 'with ipv6only=off it accepts IPv4 connections as well, and so does the other listen: remove one of them, or leave ipv6only on',
        related: [{ at: other, message: 'this binds the port for IPv4' }],
      });
    }
  },
  async probe(c) {
    const addresses = addressesIn(c);
    if (addresses.length === 0) return;
    const { createServer } = await import('node:net');
    const errors = await Promise.all(
      addresses.map(({ host, port }) => {
        return new Promise<NodeJS.ErrnoException | null>((resolve) => {
          const server = createServer();
          server.once('error', resolve);
          server.listen({ host, port, exclusive: true, ipv6Only: true }, () => server.close(() => resolve(null)));
        });
      }),
    );
    const portsInUse = new Set<number>();
    let serves: boolean | null = null;
    for (const [i, { host, port, key, at }] of addresses.entries()) {
      const error = errors[i] ?? null;
      if (error === null) continue;
      const inUse = error.code === 'EADDRINUSE';
      // Evaluated lazily: the name of the pid file may be a hash, which costs time.
      if (inUse) serves ??= isServed(c);
      if (inUse && (serves || portsInUse.has(port))) continue;
      if (inUse) portsInUse.add(port);
      c.report(at, `bind() to ${key} failed (${errnoText(error)})`, {
        ...(inUse && { severity: 'hint' as const }),
        help: inUse ? inUseHelp(host, port) : helpFor(error.code),
      });
    }
  },
});

interface Target {
  readonly host: string;
  readonly port: number;
  readonly key: string;
  readonly at: Word;
}

/** The addresses that would be bound, each once. Unix sockets are skipped, because binding one creates a file. */
function addressesIn(c: LintContext): Target[] {
  const addresses = new Map<string, Target>();
  for (const server of c.scopes('server')) {
    for (const { args } of server.own('listen')) {
      const [word] = args;
      const address = word === undefined ? null : parseAddress(word.text, { defaultPort: 80, listen: true });
      if (word === undefined || address === null || 'mistake' in address || args.some(({ text }) => text === 'quic'))
        continue;
      for (const each of listenAddresses(address)) {
        if (each.family === 'unix' || each.port === 0) continue;
        const key = listenKey(each);
        if (!addresses.has(key)) addresses.set(key, { host: each.host, port: each.port, key, at: word });
      }
    }
  }
  // A wildcard address covers every other address with the same port.
  const wildcards = new Set([...addresses.values()].flatMap(({ host, port }) => (isWildcard(host) ? [port] : [])));
  return [...addresses.values()]
    .filter(({ host, port }) => isWildcard(host) || !wildcards.has(port))
    .slice(0, MAX_ADDRESSES);
}

/** IPv6 addresses that accept IPv4 as well (`ipv6only=off`), on ports that another `listen` binds for IPv4. */
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

/** Whether the pid file names a running process. */
function isServed(c: LintContext): boolean {
  const path = c.config?.values.pid ?? c.main.own('pid')[0]?.args[0]?.text ?? c.defaultPidFile();
  if (typeof path !== 'string') return false;
  try {
    const pid = Number(readFileSync(Buffer.from(c.path(path), 'latin1'), 'latin1').trim());
    if (!Number.isInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inUseHelp(host: string, port: number): string {
  const use = portUse(host, port);
  return `${use === '' ? 'another process is using this port' : use}; starting fails as long as it does`;
}

function helpFor(code: string | undefined): string {
  switch (code) {
    case 'EACCES':
      return 'this user may not bind ports below 1024; choose another port, or start as root';
    case 'EADDRNOTAVAIL':
      return 'no interface of this machine has the address';
    default:
      return 'starting would fail';
  }
}
