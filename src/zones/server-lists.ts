/** Contents of the zone of an upstream whose servers the API changes: their list, which every process has a copy of. */
import { Slab } from './slab.js';
import { type NotifiedUser, ZoneUsers } from './zone-users.js';

/** Bytes of a server besides its words: `ngx_http_upstream_rr_peer_t` on 64-bit systems with its address. */
const SERVER = 400;

/** A `server` line, as words. */
export interface ListedServer {
  /** Number that identifies it in the API; unique in the upstream, also after a removal. */
  readonly id: number;
  /** The address and the parameters, as in a configuration. */
  readonly words: readonly string[];
}

/** A list of servers with the number of changes so far. */
export interface ServerListState {
  readonly version: number;
  readonly servers: readonly ListedServer[];
}

export type ServerChange =
  | { readonly do: 'add'; readonly words: readonly string[] }
  /** Replaces the words of a server, if they are still those of `before`. */
  | {
      readonly do: 'modify';
      readonly id: number;
      readonly before: readonly string[];
      readonly words: readonly string[];
    }
  | { readonly do: 'remove'; readonly id: number };

/** `missing`: there is no such server; `changed`: another process has changed it; `memory`: the zone is full. */
export type ServerChangeResult = 'done' | 'missing' | 'changed' | 'memory';

export interface ServerChangeAnswer {
  readonly result: ServerChangeResult | 'unanswered';
  /** The server that was added, changed or removed; -1: none. */
  readonly id: number;
  readonly list: ServerListState | null;
}

export class ServerLists {
  readonly slab: Slab;
  private readonly users = new ZoneUsers<ServerListState>();
  private list: ServerListState | null = null;
  private nextId = 0;

  constructor(size: number) {
    this.slab = new Slab(size);
  }

  watch(user: NotifiedUser, zone: number): void {
    this.users.add(user, zone);
  }

  unwatch(user: NotifiedUser, zone: number): void {
    this.users.delete(user, zone);
  }

  /** The list; null before it was set. */
  get current(): ServerListState | null {
    return this.list;
  }

  /** Sets the initial servers, unless another process has done so; returns the list. */
  load(servers: readonly (readonly string[])[]): ServerListState {
    if (this.list === null) {
      const fitting = servers.filter((words) => this.slab.take(bytesOf(words)));
      this.set(fitting.map((words) => ({ id: this.nextId++, words })));
    }
    return this.list as ServerListState; // set above
  }

  /** Takes over the list of another backend, in which it has changed at least as often. */
  restore(list: ServerListState): void {
    if (this.list !== null && this.list.version > list.version) return;
    for (const { words } of this.list?.servers ?? []) this.slab.give(bytesOf(words));
    for (const { words } of list.servers) this.slab.take(bytesOf(words));
    this.nextId = Math.max(this.nextId, ...list.servers.map(({ id }) => id + 1));
    this.list = { version: list.version - 1, servers: [] };
    this.set(list.servers);
  }

  change(change: ServerChange): ServerChangeAnswer {
    const servers = this.list?.servers ?? [];
    if (change.do === 'add') {
      if (!this.slab.take(bytesOf(change.words))) return this.answer('memory', -1);
      const id = this.nextId++;
      this.set([...servers, { id, words: change.words }]);
      return this.answer('done', id);
    }
    const { id } = change;
    const server = servers.find((each) => each.id === id);
    if (server === undefined) return this.answer('missing', -1);
    if (change.do === 'remove') {
      this.slab.give(bytesOf(server.words));
      this.set(servers.filter((each) => each !== server));
      return this.answer('done', id);
    }
    if (server.words.join(' ') !== change.before.join(' ')) return this.answer('changed', id);
    this.slab.give(bytesOf(server.words));
    if (!this.slab.take(bytesOf(change.words))) {
      this.slab.take(bytesOf(server.words));
      return this.answer('memory', id);
    }
    this.set(servers.map((each) => (each === server ? { id, words: change.words } : each)));
    return this.answer('done', id);
  }

  private set(servers: readonly ListedServer[]): void {
    const list = { version: (this.list?.version ?? 0) + 1, servers };
    this.list = list;
    this.users.notifyAll(list);
  }

  private answer(result: ServerChangeResult, id: number): ServerChangeAnswer {
    return { result, id, list: this.list };
  }
}

function bytesOf(words: readonly string[]): number {
  return words.reduce((sum, word) => sum + word.length, SERVER);
}
