/** Servers of a checked configuration by identity: addresses and names. */
import { type Address, formatAddress, isWildcard } from '../config/address.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import { Expression, expressionKey } from '../config/pcre/expression.js';
import type { Place } from '../config/place.js';
import type { PatternData } from '../config/template.js';
import { listensOf } from '../routing/listen-data.js';
import { type ServerName, ServerNames } from '../routing/server-names.js';
import { canonical } from './canonical.js';

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
  /** Names of the servers by address, and of one server: for searches. */
  private readonly names = new Map<string, ServerNames<ServerView>>();
  private readonly ownNames = new Map<ServerView, ServerNames<string>>();

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

  /** The server with a name that matches the host at an address; undefined if there is none. */
  named(listen: string, host: string): ServerView | undefined {
    let names = this.names.get(listen);
    if (names === undefined) {
      const views = this.all.filter(({ listens }) => listens.includes(listen));
      this.names.set(listen, (names = searchable(views, (view) => view)));
    }
    return names.find(host, null) ?? undefined;
  }

  /** The name of a server that matches a host; undefined if there is none. */
  private nameOf(view: ServerView, host: string): string | undefined {
    let names = this.ownNames.get(view);
    if (names === undefined) this.ownNames.set(view, (names = searchable([view], (_view, name) => name)));
    return names.find(host, null) ?? undefined;
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
    return { listen, name: this.nameOf(view, host) ?? DEFAULT };
  }
}

function viewOf(block: CheckedBlock): ServerView {
  const names = namesOf(block).map(({ name, pattern }) => (pattern === null ? name : patternKey(pattern)));
  const listens = listensOf(block).flatMap(({ address }) => keysOf(address));
  return { block, listens: [...new Set(listens)], names: names.length === 0 ? [''] : [...new Set(names)] };
}

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

/** Names with their values, for nginx's search. */
function searchable<T>(views: readonly ServerView[], value: (view: ServerView, name: string) => T): ServerNames<T> {
  const names: ServerName<T>[] = views.flatMap((view) => {
    const written = namesOf(view.block);
    if (written.length === 0) return [{ name: '', server: value(view, '') }];
    return written.map(({ name, pattern }) => {
      if (pattern === null) return { name, server: value(view, name) };
      const expression = new Expression(pattern);
      const matcher = { test: (_x: unknown, subject: string) => expression.test(subject) };
      return { name: matcher, server: value(view, patternKey(pattern)) };
    });
  });
  return new ServerNames(names);
}
