/** nginx's `ngx_http_upstream_module`: groups of servers. */
import type { Word } from '../../grammar/syntax-tree.js';
import { milliseconds, named, text, word } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { CheckContext } from '../config/module-declaration.js';
import { type ResolverData, resolverArgument } from '../config/resolver-argument.js';
import { type Compiler, defineModule } from '../program/module.js';
import { type ConfiguredUpstream, configuredUpstreams, findUpstream } from '../upstream/configured.js';
import { giveAddresses } from '../upstream/late-address.js';
import { sharedResolver } from '../upstream/resolver.js';
import { type RunTimeServer, RunTimeServers } from '../upstream/run-time-servers.js';
import { type ServerData, serverArgument } from '../upstream/server-argument.js';
import { ServerList, serverLists } from '../upstream/server-list.js';
import { serverWords } from '../upstream/server-words.js';
import { type Upstream, UpstreamServer } from '../upstream/upstream.js';
import { upstreamVariables } from '../upstream/variables.js';

const module = defineModule({
  name: 'upstream',
  doc: 'Defines groups of servers for `proxy_pass`. Requests are distributed by weighted round robin unless the group specifies another load balancing method; a server that fails is not used for a while.',
  directives: {
    upstream: {
      contexts: ['http'],
      takes: named('name', text),
      repeat: true,
      body: { context: 'upstream' },
      doc: 'Defines a group of servers. They may listen on different ports, on TCP and unix domain sockets. A request that fails at one server is passed to the next one according to `proxy_next_upstream`.',
      example: 'upstream backend {\n    server backend1.example.com weight=5;\n    server 127.0.0.1:8080 backup;\n}',
    },
    server: {
      contexts: ['upstream'],
      takes: serverArgument,
      repeat: true,
      inherit: 'none',
      doc: 'Defines a server of the group: a name or IP address with an optional port (80), or `unix:` and a path. A name with several addresses defines several servers; one without addresses gets no requests and is resolved again until it has one. `weight=` (1); `max_conns=` limits simultaneous connections (0: no limit); `max_fails=` (1) failures within `fail_timeout=` (10s) make the server unavailable for that time; with `slow_start=` (0), the weight of a server that is available again after failures or an ejection grows from zero to its value in that time (not with `hash`, `ip_hash` and `random`, and not for the only server); `backup` servers are used only if no other server is available; `down` marks a server as permanently unavailable; `resolve` resolves the name again whenever its DNS records expire, and `service=` uses ports and weights of SRV records.',
      example: 'server 127.0.0.1:8080 weight=2 max_fails=3 fail_timeout=30s;',
      differs:
        'A name that cannot be resolved is a warning, and is resolved again until it has an address; in nginx it is an error. `resolve` works without a `zone`. The name is resolved before the start, for at most one second; nginx starts immediately and rejects requests until the name is resolved.',
      differsFor: (words) => words.includes('resolve'),
      differsSlightly: true,
    },
    state: {
      contexts: ['upstream'],
      takes: word('file', ({ text: path }, c) => c.path(path, 'prefix')),
      inherit: 'none',
      doc: 'File with the servers of the group, instead of `server` directives in the configuration. The API adds, changes and removes servers (`api`), and writes the file after each change; the next start reads it. The group needs a `zone`. A file that does not exist, or is invalid, is an empty list of servers; an invalid file is reported in the error log and renamed.',
      example: 'zone backend 64k;\nstate /var/lib/tsproxy/backend.conf;',
    },
    resolver: {
      contexts: ['upstream'],
      takes: resolverArgument,
      inherit: 'none',
      doc: 'Name servers for `server ... resolve` of this group. The default are those of `http`.',
      example: 'resolver 127.0.0.1:53 valid=30s;',
    },
    resolver_timeout: {
      contexts: ['upstream'],
      takes: milliseconds,
      inherit: 'none',
      doc: 'Timeout of name resolution, and the delay after a failure. The default is that of `http`, or 30s.',
      example: 'resolver_timeout 5s;',
    },
  },
  variables: upstreamVariables,

  check(block, c) {
    if (block.context === 'http') checkNames(c);
    if (block.context === 'upstream') {
      checkRunTimeServers(block, c);
      checkState(block, c);
    }
  },

  async http(_conf, block, compiler) {
    const { slice } = compiler;
    const ready = new Map<Upstream, Promise<void>>();
    for (const configured of configuredUpstreams(block, 'server', compiler)) {
      ready.set(configured.upstream, build(configured, block, compiler));
      if (slice.over) await slice.next();
    }
    const changing = usesApi(block) ? configuredUpstreams(block, 'zone', compiler) : [];
    const listed = new Set<Upstream>();
    for (const configured of [...configuredUpstreams(block, 'state', compiler), ...changing]) {
      const { upstream } = configured;
      if (listed.has(upstream)) continue;
      listed.add(upstream);
      openServerList(configured, block, ready.get(upstream) ?? Promise.resolve(), compiler);
    }
  },
});
export default module;

function checkNames(c: CheckContext): void {
  const first = new Map<string, CheckedBlock>();
  for (const block of c.all('upstream')) {
    const opener = c.openerOf(block);
    const [word] = opener?.args ?? [];
    if (word === undefined) continue;
    const name = word.text.toLowerCase();
    const previousBlock = first.get(name);
    if (previousBlock === undefined) first.set(name, block);
    else {
      const other = c.openerOf(previousBlock)?.args[0];
      c.report(word, 'duplicate-definition', `duplicate upstream "${word.text}"`, {
        ...(other !== undefined && { related: [{ at: other, message: 'first declared here' }] }),
      });
    }
    checkServers(block, word, c);
  }
}

function checkServers(block: CheckedBlock, name: Word, c: CheckContext): void {
  const servers = serversOf(block);
  if (servers.length === 0) {
    // An invalid `server` has its own finding, and a foreign module's directive may provide servers.
    if (!block.own.includes('server') && !block.own.includes('state') && !c.hasForeign(block))
      c.report(name, 'missing-server', 'no servers are inside upstream');
  } else if (servers.every(({ settings }) => settings.backup) && !c.hasForeign(block)) {
    c.report(name, 'missing-server', `no servers in upstream "${name.text}"`, {
      help: 'all of them are backup servers; at least one must not be',
    });
  }
}

function checkState(block: CheckedBlock, c: CheckContext): void {
  const at = c.statements('state')[0];
  if (at === undefined || !block.own.includes('state')) return;
  const name = String(block.argument);
  const server = c.statements('server')[0];
  if (server !== undefined) {
    c.report(server, 'conflicting-directives', `"server" is not allowed in upstream "${name}" with "state"`, {
      help: 'the servers are those of the state file: move the line there, or remove "state"',
      related: [{ at, message: 'the state file' }],
    });
  }
  if (!block.own.includes('zone')) {
    c.report(at, 'missing-zone', `"state" requires upstream "${name}" to be in shared memory`, {
      help: 'add "zone NAME 64k;" to the upstream',
    });
  }
}

function checkRunTimeServers(block: CheckedBlock, c: CheckContext): void {
  if (!serversOf(block).some(({ runTime }) => runTime !== null)) return;
  const name = String(block.argument);
  const at = c.statements('server').find(({ args }) => args.some(({ text }) => text === 'resolve'));
  if (at === undefined) return;
  if (resolverOf(block, c.enclosing) === undefined) {
    c.report(at, 'invalid-reference', `no resolver defined to resolve names at run time in upstream "${name}"`, {
      help: 'configure a DNS server with "resolver" in this upstream or in http',
    });
  }
  if (!block.own.includes('zone')) {
    const message = `resolving names at run time requires upstream "${name}" to be in shared memory`;
    c.report(at, 'missing-zone', message, {
      severity: 'warning',
      help: 'add "zone NAME 64k;" to the upstream for nginx',
    });
  }
}

function serversOf(block: CheckedBlock): readonly ServerData[] {
  return (block.values.server as readonly ServerData[] | undefined) ?? [];
}

/** Name servers of an `upstream` block: its own, or those of the enclosing `http` block. */
function resolverOf(block: CheckedBlock, http: CheckedBlock | null): ResolverData | undefined {
  // The `resolver` of http is that of the core module; both have the same argument type.
  return (block.values.resolver ?? http?.values.resolver) as ResolverData | undefined;
}

/** Whether a location of the block has `api`, so that servers may change. */
function usesApi({ own, blocks }: CheckedBlock): boolean {
  return own.includes('api') || blocks.some(usesApi);
}

/** Size of a zone that no group specifies, bytes. */
const ZONE_SIZE = 64 << 10;

/** Puts the servers of a group into its zone, in which they may be changed. */
function openServerList(
  { block, upstream }: ConfiguredUpstream,
  http: CheckedBlock,
  built: Promise<void>,
  compiler: Compiler,
): void {
  const zone = block.values.zone as { readonly name: string; readonly size: number } | undefined;
  const sizes = http.blocks.flatMap(({ values }) => {
    const other = values.zone as typeof zone;
    return other?.name === zone?.name ? (other?.size ?? 0) : [];
  });
  const data = resolverOf(block, http);
  const resolver = data === undefined ? null : sharedResolver(compiler, data);
  const timeout = block.values.resolver_timeout ?? http.values.resolver_timeout ?? RESOLVER_TIMEOUT;
  const list = new ServerList(
    upstream,
    {
      zone: zone?.name ?? '',
      size: Math.max(...sizes) || ZONE_SIZE,
      state: (block.values.state as string | undefined) ?? null,
      configured: serversOf(block).map(({ written, settings, runTime }) => serverWords(written, settings, runTime)),
      resolver,
      resolverTimeout: timeout as number,
    },
    compiler,
    compiler,
  );
  serverLists(compiler.shared).set(upstream.name, list);
  upstream.counted = usesApi(http);
  const previous = compiler.previous === null ? undefined : findUpstream(compiler.previous, upstream.name);
  compiler.await(built.then(() => resolver?.ready.catch(() => {})).then(() => list.load(previous)));
}

/** nginx's default of `resolver_timeout`, in ms. */
const RESOLVER_TIMEOUT = 30_000;

/** Creates the servers of a group; the returned promise settles when they have addresses, or are still looked up. */
function build({ block, upstream }: ConfiguredUpstream, http: CheckedBlock, compiler: Compiler): Promise<void> {
  const lookups: Promise<void>[] = [];
  const runTime: RunTimeServer[] = [];
  for (const data of serversOf(block)) {
    const server = new UpstreamServer(data.written, data.settings);
    upstream.servers.push(server);
    if (data.runTime !== null) runTime.push({ server, ...data.runTime });
    else lookups.push(giveAddresses({ upstream, server, ...data }, compiler));
  }
  const previous = compiler.previous === null ? undefined : findUpstream(compiler.previous, upstream.name);
  const ready = Promise.all(lookups).then(() => {
    if (previous !== undefined) upstream.adopt(previous);
    else upstream.update();
  });
  compiler.await(ready);
  if (runTime.length > 0) {
    const data = resolverOf(block, http);
    if (data === undefined) throw new Error(`upstream ${upstream.name} has no resolver`);
    const timeout = block.values.resolver_timeout ?? http.values.resolver_timeout ?? RESOLVER_TIMEOUT;
    const resolver = sharedResolver(compiler, data);
    const servers = new RunTimeServers(upstream, runTime, resolver, timeout as number, compiler.errorLog);
    upstream.resolution = servers;
    const startable = ready.then(() => {
      if (previous !== undefined) servers.seed(previous);
      return resolver.ready;
    });
    // The resolution logs its failures itself.
    compiler.await(startable.then(() => servers.start()).catch(() => {}));
  }
  return ready;
}
