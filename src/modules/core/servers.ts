/** Compiles the `server` blocks of http to listeners: servers by address and name, locations by URI. */
import type { CheckedBlock } from '../../config/checked-config.js';
import { PREFACE } from '../../http2/frame-types.js';
import { allowsHttp2, HTTP2 } from '../../http2/http2-settings.js';
import { PrefaceStep } from '../../net/preface-step.js';
import { ProxyProtocolStep } from '../../net/proxy-protocol-step.js';
import type { Exchange } from '../../program/exchange.js';
import type { Compiler, Listening } from '../../program/module.js';
import { type ListenerProgram, type LocationProgram, ServerProgram } from '../../program/program.js';
import { type ListenData, listensOf, type SocketOptions } from '../../routing/listen-data.js';
import { type ListenAddress, type Listener, Listeners, listenAddresses, listenKey } from '../../routing/listeners.js';
import type { LocationEntry, LocationTree } from '../../routing/location-tree.js';
import type { ServerName } from '../../routing/server-names.js';
import { loadHttp2 } from '../../server/protocols.js';
import type { TlsAddress } from '../../tls/accept.js';
import { HostNotFound, lookupHost } from '../../upstream/host-lookup.js';
import { locationOf } from './blocks.js';
import { displayName, type NameData } from './server-name.js';

/** Applies the settings of a server that are used before its location is known. */
export type ServerSettings = (server: ServerProgram, block: CheckedBlock) => void;

type Entry = LocationEntry<LocationProgram, Exchange>;
type Names = readonly ServerName<ServerProgram, Exchange>[];

/** Compiles every server and groups them by address. */
export async function compileServers(
  http: CheckedBlock,
  compiler: Compiler,
  settings: ServerSettings,
): Promise<Listening[]> {
  const { slice } = compiler;
  const listeners = new Listeners<ServerProgram, SocketOptions>();
  const names = new Map<ServerProgram, Names>();
  const withSsl = new Set<string>();
  const withHttp2 = new Set<string>();
  const withProxyProtocol = new Set<string>();
  for (const block of serversOf(http)) {
    const server = await compileServer(block, compiler);
    settings(server, block);
    if (!compiler.onlyTest) names.set(server, compileNames(block, server, compiler));
    for (const { data, address } of addressesOf(block, compiler)) {
      const mistake = listeners.add(server, address, data.options);
      // Names that resolve to the same address are detected only here; everything else was checked before.
      if (mistake !== null) compiler.fail(mistake, data.at);
      if (data.options.ssl) withSsl.add(listenKey(address));
      if (data.options.http2) withHttp2.add(listenKey(address));
      if (data.options.proxyProtocol) withProxyProtocol.add(listenKey(address));
    }
    if (slice.over) await slice.next();
  }
  // Loaded for listeners that use TLS only.
  const tls = withSsl.size === 0 ? null : await import('../../tls/accept.js');
  if (tls !== null) {
    for (const listener of listeners.all()) if (withSsl.has(listener.key)) tls.requireCertificates(listener, compiler);
  }
  if (compiler.onlyTest) return [];
  const programs = new Map<unknown, ListenerProgram>();
  const programOf = (listener: Listener<ServerProgram, SocketOptions>): ListenerProgram => {
    let program = programs.get(listener);
    if (program === undefined) {
      const own = listener.servers.flatMap((server) => names.get(server) ?? []);
      program = {
        names: compiler.observer.names(own),
        defaultServer: listener.defaultServer,
        ...(withHttp2.has(listener.key) && { http2: true }),
      };
      programs.set(listener, program);
    }
    return program;
  };
  // Loaded if clients may use it.
  if (listeners.all().some(({ key, servers }) => withHttp2.has(key) || servers.some(enablesHttp2))) await loadHttp2();
  const tlsAddress = (listener: Listener<ServerProgram, SocketOptions>): TlsAddress => ({
    program: programOf(listener),
    ssl: withSsl.has(listener.key),
  });
  return listeners.sockets().map(({ listener, key, byHost }) => {
    const sharing = byHost === null ? null : new Map([...byHost].map(([host, each]) => [host, tlsAddress(each)]));
    const steps = [
      proxyProtocolStep(listener, byHost, withProxyProtocol),
      tls?.tlsStep(tlsAddress(listener), sharing) ?? null,
      http2Step(tlsAddress(listener), sharing),
    ].filter((step) => step !== null);
    const { address, options } = listener;
    const { backlog, reuseport, ipv6only, keepalive } = options;
    const unix = address.family === 'unix';
    return {
      key,
      host: unix ? '' : address.host,
      port: unix ? 0 : address.port,
      path: unix ? address.path : null,
      backlog,
      reuseport,
      ipv6only,
      keepalive,
      secure: withSsl.has(listener.key),
      protocol: 'http/1.1',
      steps: steps.length === 0 ? null : steps,
      program: programOf(listener),
      byLocalAddress: byHost === null ? null : new Map([...byHost].map(([host, each]) => [host, programOf(each)])),
    };
  });
}

/** Returns the step of a socket, or null if none of its addresses has the parameter `proxy_protocol`. */
function proxyProtocolStep(
  { key }: { readonly key: string },
  byHost: ReadonlyMap<string, { readonly key: string }> | null,
  keys: ReadonlySet<string>,
): ProxyProtocolStep | null {
  const applies = (local: string): boolean => keys.has(byHost?.get(local)?.key ?? key);
  const sharing = [...(byHost?.values() ?? [])];
  return keys.has(key) || sharing.some((each) => keys.has(each.key)) ? new ProxyProtocolStep(applies) : null;
}

/** Returns the step that recognizes HTTP/2 on clear text, or null if no address of the socket allows it. */
function http2Step(address: TlsAddress, byLocalAddress: ReadonlyMap<string, TlsAddress> | null): PrefaceStep | null {
  const allows = ({ ssl, program }: TlsAddress): boolean => !ssl && allowsHttp2(program, program.defaultServer);
  if (!allows(address) && ![...(byLocalAddress?.values() ?? [])].some(allows)) return null;
  return new PrefaceStep(PREFACE, 'h2', (local) => allows(byLocalAddress?.get(local) ?? address));
}

function enablesHttp2({ base }: ServerProgram): boolean {
  return base.settings.get(HTTP2).enabled;
}

export function serversOf(http: CheckedBlock): CheckedBlock[] {
  return http.blocks.filter((block) => block.directive === 'server');
}

/** Names of a server; a server without `server_name` has the empty name. */
export function namesOf(block: CheckedBlock): readonly NameData[] {
  const lists = (block.values.server_name as readonly (readonly NameData[])[] | undefined) ?? [];
  // Usually there is one list, and `flat` is slow in V8.
  const names = lists.length === 1 ? lists[0] : lists.flat();
  return names === undefined || names.length === 0 ? [{ name: '', pattern: null }] : names;
}

// -- addresses

const RESOLVED = 'addresses of names in listen';

/** Resolves the host names of `listen` directives, for `compileServers`. */
export async function resolveListens(http: CheckedBlock, compiler: Compiler): Promise<void> {
  const found = compiler.shared.set(RESOLVED, new Map<string, readonly string[]>());
  for (const { address, written, at } of serversOf(http).flatMap(listensOf)) {
    if (address.family !== 'name' || found.has(address.host)) continue;
    try {
      found.set(address.host, await lookupHost(address.host));
    } catch (error) {
      if (!(error instanceof HostNotFound)) throw error;
      compiler.fail(`${error.message} in "${written}" of the "listen" directive`, at);
    }
  }
}

/** Distinct addresses of a server, each with its `listen`. */
function addressesOf(block: CheckedBlock, compiler: Compiler): { data: ListenData; address: ListenAddress }[] {
  const resolved = compiler.shared.get<Map<string, readonly string[]>>(RESOLVED);
  const found: { data: ListenData; address: ListenAddress }[] = [];
  for (const data of listensOf(block)) {
    const ips = data.address.family === 'name' ? (resolved?.get(data.address.host) ?? []) : [];
    for (const address of listenAddresses(data.address, ips)) found.push({ data, address });
  }
  return found;
}

// -- servers and locations

async function compileServer(block: CheckedBlock, compiler: Compiler): Promise<ServerProgram> {
  const server = new ServerProgram(compiler.program(block, null));
  server.name = displayName(namesOf(block));
  server.tap = compiler.tap;
  server.variables = compiler.variables;
  if (compiler.observer.simulates) server.observer = compiler.observer;
  compiler.serverHandlers(block, server);
  server.locations = (await compileLocations(block, server, compiler)) ?? treeOf([], compiler);
  return server;
}

function compileNames(block: CheckedBlock, server: ServerProgram, compiler: Compiler): Names {
  return namesOf(block).map(({ name, pattern }) => ({
    name: pattern === null ? name : compiler.pattern(pattern),
    server,
  }));
}

/** Compiles the locations of a block; null if it has none. Named locations are stored in the server. */
async function compileLocations(
  block: CheckedBlock,
  server: ServerProgram,
  compiler: Compiler,
): Promise<LocationTree<LocationProgram, Exchange> | null> {
  const entries: Entry[] = [];
  for (const inner of block.blocks) {
    if (inner.directive !== 'location') continue;
    const location = compiler.program(inner, server);
    const nested = await compileLocations(inner, server, compiler);
    if (compiler.slice.over) await compiler.slice.next();
    if (compiler.onlyTest) continue;
    const { kind, name, noRegex, pattern } = locationOf(inner);
    if (kind === 'named') {
      if (!server.named.has(name)) server.named.set(name, location);
      continue;
    }
    entries.push({
      location,
      kind,
      name,
      noRegex,
      pattern: pattern === null ? undefined : compiler.pattern(pattern),
      autoRedirect: location.autoRedirect,
      nested,
    });
  }
  return entries.length === 0 ? null : treeOf(entries, compiler);
}

function treeOf(entries: readonly Entry[], { observer }: Compiler): LocationTree<LocationProgram, Exchange> {
  return observer.locations(entries);
}
