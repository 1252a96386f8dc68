/** Servers of a checked configuration by identity: addresses and names. */
import { type Address, formatAddress, isWildcard } from '../config/address.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import { Expression, expressionKey } from '../config/pcre/expression.js';
import type { Place } from '../config/place.js';
import type { PatternData } from '../config/template.js';
import { canonical } from './canonical.js';

/** The part of a `listen` that is compared here. */
interface Listen {
  readonly address: Address;
  readonly options: Readonly<Record<string, unknown>>;
  readonly at: Place | null;
  readonly quic?: boolean;
}

/** The part of a name in `server_name` that is compared here. */
interface Name {
  readonly name: string;
  readonly pattern: PatternData | null;
}

/** An address with its servers. */
export interface ListenerView {
  /** `0.0.0.0:80`, `[::]:80`, `unix:/path`; a host name is kept as written. */
  readonly key: string;
  /** Socket options. */
  options: string;
  defaultServer: CheckedBlock;
  chosen: boolean;
  at: Place;
}

/** A server by its addresses and names, which are the identity of the server and of its content. */
export interface ServerView {
  readonly block: CheckedBlock;
  /** The addresses, in the order written. */
  readonly listens: readonly string[];
  /** The names; those of regular expressions begin with `~`. A server without a name has the empty one. */
  readonly names: readonly string[];
}

/** Name under which the default server of an address is stored. */
export const DEFAULT = '(default)';

/** Address at which a connection arrived, and the requested host. */
export interface Arrival {
  readonly address: string;
  readonly port: number;
  /** The path of a unix socket, or null. */
  readonly path: string | null;
  /** The requested host; in lower case, without port. */
  readonly host: string;
}

export class Servers {
  readonly all: readonly ServerView[];
  readonly listeners = new Map<string, ListenerView>();
  private readonly views = new Map<CheckedBlock, ServerView>();
  private readonly answering = new Map<string, ServerView>();

  constructor(config: CheckedConfig) {
    const http = config.blocks.filter(({ context }) => context === 'http');
    this.all = http.flatMap(({ blocks }) => blocks.filter(({ context }) => context === 'server')).map(viewOf);
    for (const view of this.all) this.enter(view);
    for (const { key, defaultServer } of this.listeners.values()) {
      const view = this.views.get(defaultServer);
      if (view !== undefined) this.answering.set(pairKey(key, DEFAULT), view);
    }
  }

  private enter(view: ServerView): void {
    this.views.set(view.block, view);
    for (const key of view.listens) {
      for (const name of view.names) {
        const pair = pairKey(key, name);
        if (!this.answering.has(pair)) this.answering.set(pair, view);
      }
    }
    for (const { address, options, at } of listensOf(view.block)) {
      const { defaultServer, set, ...socket } = options;
      for (const key of keysOf(address)) {
        const existing = this.listeners.get(key);
        const listener = existing ?? {
          key,
          options: canonical(socket),
          defaultServer: view.block,
          chosen: false,
          at: at ?? view.block.at,
        };
        if (existing === undefined) this.listeners.set(key, listener);
        else if (set === true) listener.options = canonical(socket);
        if (defaultServer === true && !listener.chosen) {
          listener.defaultServer = view.block;
          listener.chosen = true;
        }
      }
    }
  }

  view(block: CheckedBlock): ServerView | undefined {
    return this.views.get(block);
  }

  /** The server for an address and a name of `server_name`, or the default server (`DEFAULT`). */
  at(listen: string, name: string): ServerView | undefined {
    return this.answering.get(pairKey(listen, name));
  }

  /**
   * The server with a name that matches the host at an address; undefined if there is none. The best match wins, as in
   * nginx.
   */
  named(listen: string, host: string): ServerView | undefined {
    let best: ServerView | undefined;
    let rank = 0;
    for (const view of this.all) {
      const name = view.listens.includes(listen) ? nameFor(view, host) : undefined;
      if (name === undefined) continue;
      const its = rankOf(name, host);
      if (its > rank) [best, rank] = [view, its];
    }
    return best;
  }

  /** The address and the name by which a server was selected. */
  selectionOf(
    view: ServerView,
    { address, port, path, host }: Arrival,
  ): { readonly listen: string; readonly name: string } {
    const fits = (key: string): boolean =>
      key === (path === null ? formatAddress({ host: address, port }) : `unix:${path}`);
    const ofPort = (key: string): boolean => path === null && key.endsWith(`:${port}`);
    const wild = (key: string): boolean =>
      ofPort(key) && isWildcard(key.slice(0, key.lastIndexOf(':')).replace(/^\[|\]$/g, ''));
    // For port 0 the system has chosen one.
    const any = (key: string): boolean => path === null && key.endsWith(':0');
    const { listens } = view;
    const listen = listens.find(fits) ?? listens.find(wild) ?? listens.find(ofPort) ?? listens.find(any) ?? '';
    return { listen, name: nameFor(view, host) ?? DEFAULT };
  }
}

function viewOf(block: CheckedBlock): ServerView {
  const names = namesOf(block).map(({ name, pattern }) => (pattern === null ? name : patternKey(pattern)));
  const listens = listensOf(block).flatMap(({ address }) => keysOf(address));
  return { block, listens: [...new Set(listens)], names: names.length === 0 ? [''] : [...new Set(names)] };
}

function listensOf(block: CheckedBlock): readonly Listen[] {
  const listens = block.values.listen as readonly Listen[] | undefined;
  if (listens !== undefined && listens.length > 0) return listens.filter(({ quic }) => quic !== true);
  // Default without a `listen`; nginx: ngx_http_core_server.
  const port = process.getuid?.() === 0 ? 80 : 8000;
  const address: Address = { family: 'inet', host: '0.0.0.0', port, lastPort: port, portGiven: false, uri: '' };
  return [{ address, options: NO_OPTIONS, at: null }];
}

/** Options of a `listen` without parameters. */
const NO_OPTIONS = { defaultServer: false, set: false, backlog: 511, reuseport: false, ipv6only: true };

function keysOf(address: Address): string[] {
  if (address.family === 'unix') return [formatAddress(address)];
  const keys: string[] = [];
  for (let port = address.port; port <= address.lastPort; port++) {
    keys.push(formatAddress({ host: address.host, port }));
  }
  return keys;
}

function namesOf(block: CheckedBlock): readonly Name[] {
  return ((block.values.server_name ?? []) as readonly (readonly Name[])[]).flat();
}

function patternKey(pattern: PatternData): string {
  return `~${expressionKey(pattern)}`;
}

function pairKey(listen: string, name: string): string {
  return `${listen} ${name}`;
}

/** The name of a server that matches a host, in nginx's order; undefined if there is none. */
function nameFor({ block, names }: ServerView, host: string): string | undefined {
  if (names.includes(host)) return host;
  const wild = names.filter((name) => fitsWildcard(name, host));
  if (wild.length > 0) return wild.reduce((a, b) => (b.length > a.length ? b : a));
  for (const { pattern } of namesOf(block)) {
    if (pattern !== null && new Expression(pattern).test(host)) return patternKey(pattern);
  }
  return undefined;
}

/**
 * Exact names rank before leading wildcards, trailing wildcards, and regular expressions; of two wildcards the longer
 * one ranks first.
 */
function rankOf(name: string, host: string): number {
  if (name === host) return Number.POSITIVE_INFINITY;
  if (name.startsWith('~')) return 1;
  return (name.endsWith('.*') ? MAX_NAME_LENGTH : 2 * MAX_NAME_LENGTH) + name.length;
}

const MAX_NAME_LENGTH = 1000;

function fitsWildcard(name: string, host: string): boolean {
  if (name.startsWith('~') || name === '') return false;
  if (name.startsWith('*.')) return host.endsWith(name.slice(1)) && host.length >= name.length;
  if (name.startsWith('.')) return host === name.slice(1) || host.endsWith(name);
  return name.endsWith('.*') && host.startsWith(name.slice(0, -1)) && host.length > name.length - 1;
}
