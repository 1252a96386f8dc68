/** Servers of an upstream that the API changes: a list in a zone, which every table of every worker applies to its upstream. */
import type { Address } from '../config/address.js';
import { readStateFile, StateFile, StateFileError, setAside } from '../files/state-file.js';
import type { Compiler, Shared } from '../program/module.js';
import { changeServers, loadServers, readServers } from '../zones/server-list-operations.js';
import type { ListedServer, ServerChange, ServerChangeAnswer, ServerListState } from '../zones/server-lists.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import { LateAddress } from './late-address.js';
import type { Resolver } from './resolver.js';
import { RunTimeServers } from './run-time-servers.js';
import type { ServerData } from './server-argument.js';
import { formatServers, InvalidServer, parseServers, parseServerWords } from './server-words.js';
import { type Upstream, UpstreamServer } from './upstream.js';

export interface ServerListOptions {
  /** Name of the upstream's zone, and its size in bytes. */
  readonly zone: string;
  readonly size: number;
  /** Path of the state file; null: the servers of the configuration are the initial ones. */
  readonly state: string | null;
  /** Servers of the configuration, as words. */
  readonly configured: readonly (readonly string[])[];
  /** Resolves names of servers; null: servers are addresses. */
  readonly resolver: Resolver | null;
  /** `resolver_timeout`, ms. */
  readonly resolverTimeout: number;
}

/** A server of the list, in this process. */
interface Applied {
  readonly words: readonly string[];
  readonly data: ServerData;
  readonly server: UpstreamServer;
  /** Keeps the addresses of a name up to date. */
  readonly resolution: RunTimeServers | null;
}

export class ServerList {
  private readonly backend: ZoneBackend;
  private readonly zone: Zone;
  private readonly file: StateFile | null;
  private applied = new Map<number, Applied>();
  private version = 0;
  /** Servers of the configuration that are not in use yet, in its order. */
  private built: { readonly line: string; readonly server: UpstreamServer }[] = [];

  constructor(
    readonly upstream: Upstream,
    private readonly options: ServerListOptions,
    private readonly compiler: Pick<Compiler, 'errorLog' | 'onlyTest'>,
    { zones, shared }: Compiler,
  ) {
    const { size, state, configured } = options;
    this.backend = zones;
    const key = state === null ? JSON.stringify(configured) : `state ${state}`;
    const declaration = { kind: 'upstream_servers', name: upstream.name, size, key } as const;
    this.zone = zones.open(declaration, (news) => this.apply(news as ServerListState));
    shared.set(`zone of the servers of ${upstream.name}`, this.zone);
    this.file = state === null ? null : new StateFile(state, () => this.savedState());
  }

  get zoneName(): string {
    return this.options.zone;
  }

  /** Whether names may be added. */
  get resolves(): boolean {
    return this.options.resolver !== null;
  }

  /** Applies the list of the zone, or the initial servers. `previous`: the upstream of the running configuration. */
  async load(previous: Upstream | undefined): Promise<void> {
    const { zone, backend } = this;
    const { state, configured } = this.options;
    let list = await backend.ask(readServers, { zone: zone.id });
    if (list === null) {
      const servers = state === null ? configured : this.readState(state);
      list = await backend.ask(loadServers, { zone: zone.id, servers });
    }
    // Without an answer of the master, the servers of the configuration are used.
    if (list === null) return;
    this.apply(list);
    if (previous !== undefined) this.upstream.adopt(previous);
    await Promise.all([...this.applied.values()].map(({ resolution }) => resolution?.start()));
  }

  /** The servers with their data, in the order of their ids. */
  servers(): { readonly id: number; readonly data: ServerData; readonly server: UpstreamServer }[] {
    return [...this.applied].map(([id, { data, server }]) => ({ id, data, server }));
  }

  /** The words of a server; undefined if it does not exist. */
  wordsOf(id: number): readonly string[] | undefined {
    return this.applied.get(id)?.words;
  }

  /** Changes the list, and applies it in this process. */
  async change(change: ServerChange): Promise<ServerChangeAnswer> {
    const answer = await this.backend.ask(changeServers, { zone: this.zone.id, change });
    if (answer.list !== null) this.apply(answer.list);
    return answer;
  }

  /** Writes the state file, if there is one. Rejects with StateFileError. */
  async save(): Promise<void> {
    await this.file?.save();
  }

  private async savedState(): Promise<{ readonly version: number; readonly text: string } | null> {
    const list = await this.backend.ask(readServers, { zone: this.zone.id });
    return list && { version: list.version, text: formatServers(list.servers.map(({ words }) => words)) };
  }

  /** Servers of the state file; an invalid file is reported, renamed, and then treated like a missing one. */
  private readState(path: string): (readonly string[])[] {
    const { errorLog, onlyTest } = this.compiler;
    try {
      return parseServers(readStateFile(path) ?? '');
    } catch (error) {
      if (error instanceof StateFileError) errorLog.write('error', error.message);
      else if (error instanceof InvalidServer) {
        const { name } = this.upstream;
        const effect = setAside(path, onlyTest);
        errorLog.write('error', `invalid state file "${path}" of upstream "${name}": ${error.message}; ${effect}`);
      } else throw error;
      return [];
    }
  }

  private apply({ version, servers }: ServerListState): void {
    if (version <= this.version) return;
    const isFirst = this.version === 0;
    this.version = version;
    const { upstream } = this;
    if (isFirst) {
      const { configured } = this.options;
      this.built = upstream.servers.map((server, i) => ({ line: configured[i]?.join(' ') ?? '', server }));
    }
    this.applied = new Map(servers.map((each) => [each.id, this.applyServer(each, isFirst)]));
    upstream.servers.splice(0, upstream.servers.length, ...[...this.applied.values()].map(({ server }) => server));
    upstream.update();
  }

  private applyServer({ id, words }: ListedServer, isFirst: boolean): Applied {
    const known = this.applied.get(id);
    if (known !== undefined && known.words.join(' ') === words.join(' ')) return known;
    const data = parseServerWords(words);
    // The peers of a service have weights and ranks of their SRV records.
    const isService = data.runTime !== null && data.runTime.service !== '';
    if (known !== undefined && known.data.written === data.written && !isService) {
      known.server.configure(data.settings);
      return { ...known, words, data };
    }
    const built = isFirst ? this.takeBuilt(words) : undefined;
    if (built !== undefined) return { words, data, server: built, resolution: null };
    const server = new UpstreamServer(data.written, data.settings);
    const { address } = data;
    if (address.family === 'unix') server.setAddresses([{ path: address.path }]);
    else if (address.family !== 'name') server.setAddresses([{ host: address.host, port: address.port }]);
    else if (data.runTime === null) this.lookUp(server, address);
    const resolution = this.resolutionOf(data, server);
    if (!isFirst) void resolution?.start().catch(() => {});
    return { words, data, server, resolution };
  }

  /** The server that was created for a line of the configuration; each is used once. */
  private takeBuilt(words: readonly string[]): UpstreamServer | undefined {
    const line = words.join(' ');
    const at = this.built.findIndex((each) => each.line === line);
    return at < 0 ? undefined : this.built.splice(at, 1)[0]?.server;
  }

  /** Looks up a name without `resolve`, until it has an address. */
  private lookUp(server: UpstreamServer, address: Address): void {
    const late = new LateAddress(this.upstream, server, address);
    this.upstream.late.push(late);
    late.start(0);
  }

  private resolutionOf({ runTime }: ServerData, server: UpstreamServer): RunTimeServers | null {
    const { resolver, resolverTimeout } = this.options;
    if (runTime === null || resolver === null) return null;
    const { errorLog } = this.compiler;
    return new RunTimeServers(this.upstream, [{ server, ...runTime }], resolver, resolverTimeout, errorLog);
  }
}

const KEY = 'server lists';

/** The upstreams of a table whose servers may be changed, by name. */
export function serverLists(shared: Shared): Map<string, ServerList> {
  return shared.get<Map<string, ServerList>>(KEY) ?? shared.set(KEY, new Map());
}
