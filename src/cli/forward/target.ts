/** Targets of `tsproxy forward`: another server, or a directory. */
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { UsageError } from '../usage-error.js';

export interface ServerTarget {
  readonly kind: 'server';
  /** For `proxy_pass`. */
  readonly scheme: 'http' | 'https';
  /** Host without brackets; null for a unix socket. */
  readonly name: string | null;
  /** Address for `server` or `proxy_pass`: `host:port`, or `unix:` and a path. */
  readonly address: string;
  /** Value of `Host` that names the target. */
  readonly host: string;
  /** Path that replaces the prefix of the route; null to pass the request's path unchanged. */
  readonly path: string | null;
}

export interface DirectoryTarget {
  readonly kind: 'directory';
  /** Absolute, ending in a slash. */
  readonly path: string;
}

export type Target = ServerTarget | DirectoryTarget;

const SCHEMES: Readonly<Record<string, 'http' | 'https'>> = { http: 'http', https: 'https', ws: 'http', wss: 'https' };

/** `3000`, `:3000`, `localhost:3000`, `[::1]:3000`. */
const SHORT = /^(?:(?<host>[\w.-]+|\[[\da-f:.]+\])?:)?(?<port>\d{1,5})$/i;

/** Parses a target: a URL, a port, `host:port`, a unix socket, or an existing directory. */
export function targetOf(word: string): Target {
  // A shell variable without a value must not publish the working directory.
  if (word === '') throw new UsageError('empty target', 'The working directory is written ".": /=.');
  if (word.includes('$')) throw new UsageError(`"${word}" contains a "$", which a configuration cannot express`);
  if (word.includes('\0') || word.includes('\n')) throw new UsageError('a target contains a control character');
  const socket = /^(?:(?<scheme>\w+):\/\/)?unix:(?<path>[^:]+)(?::(?<uri>\/.*)?)?$/.exec(word)?.groups;
  if (socket !== undefined) return socketTarget(word, socket.scheme ?? 'http', socket.path ?? '', socket.uri);
  if (/^\w+:\/\//.test(word)) return urlTarget(word);
  const short = SHORT.exec(word)?.groups;
  if (short !== undefined) return urlTarget(`http://${short.host ?? 'localhost'}:${short.port}`, word);
  return directoryTarget(word);
}

function schemeOf(word: string, written: string): 'http' | 'https' {
  const scheme = SCHEMES[written.toLowerCase()];
  if (scheme === undefined) {
    throw new UsageError(`invalid target "${word}"`, 'Targets begin with http://, https://, ws:// or wss://.');
  }
  return scheme;
}

function socketTarget(word: string, written: string, path: string, uri: string | undefined): ServerTarget {
  const scheme = schemeOf(word, written);
  return { kind: 'server', scheme, name: null, address: `unix:${resolve(path)}`, host: 'localhost', path: uri ?? null };
}

function urlTarget(url: string, word = url): ServerTarget {
  const scheme = schemeOf(word, url.slice(0, url.indexOf(':')));
  // The parser for http knows the default port and normalizes the host, also for the schemes of WebSockets.
  const rest = url.slice(url.indexOf(':'));
  if (!URL.canParse(`${scheme}${rest}`)) throw new UsageError(`invalid target "${word}"`, 'Is its host or port wrong?');
  const parsed = new URL(`${scheme}${rest}`);
  if (parsed.username !== '' || parsed.password !== '') {
    throw new UsageError(`target "${word}" contains a password`, 'Clients send their own Authorization field.');
  }
  if (parsed.search !== '' || parsed.hash !== '') {
    throw new UsageError(`target "${word}" contains a query`, 'The query of each request is passed on.');
  }
  if (parsed.port === '0') throw new UsageError(`invalid target "${word}"`, 'Port 0 cannot be connected to.');
  const name = parsed.hostname.replace(/^\[|\]$/g, '');
  const port = parsed.port === '' ? (scheme === 'https' ? 443 : 80) : Number(parsed.port);
  const hasPath = /^:\/\/[^/]*\//.test(rest);
  const path = hasPath ? decodedPath(parsed.pathname, word) : null;
  return { kind: 'server', scheme, name, address: `${parsed.hostname}:${port}`, host: parsed.host, path };
}

/** The path as nginx writes it in `proxy_pass`. */
function decodedPath(path: string, word: string): string {
  if (/%/.test(path)) throw new UsageError(`the path of "${word}" contains a percent sign`);
  return path;
}

function directoryTarget(word: string): DirectoryTarget {
  const path = resolve(word.replace(/^~(?=\/|$)/, homedir()));
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new UsageError(
      `there is no directory "${path}"`,
      'A target is a URL (http://localhost:3000), a port, or a directory.',
    );
  }
  if (!stats.isDirectory()) throw new UsageError(`"${path}" is not a directory`, 'Name the directory of the file.');
  return { kind: 'directory', path: path.endsWith('/') ? path : `${path}/` };
}

/** Whether the host of a target is an address. */
export function isAddress({ name }: ServerTarget): boolean {
  return name === null || isIP(name) !== 0;
}
