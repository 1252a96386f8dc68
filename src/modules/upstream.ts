/** nginx's `ngx_http_upstream_module`: groups of servers. */
import type { Word } from '../../grammar/syntax-tree.js';
import { milliseconds, named, text } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { CheckContext } from '../config/module-declaration.js';
import { type ResolverData, resolverArgument } from '../config/resolver-argument.js';
import { type Compiler, defineModule } from '../exchange/module.js';
import { type ConfiguredUpstream, configuredUpstreams, findUpstream } from '../upstream/configured.js';
import { giveAddresses } from '../upstream/late-address.js';
import { sharedResolver } from '../upstream/resolver.js';
import { type RunTimeServer, RunTimeServers } from '../upstream/run-time-servers.js';
import { type ServerData, serverArgument } from '../upstream/server-argument.js';
import { UpstreamServer } from '../upstream/upstream.js';
import { upstreamVariables } from '../upstream/variables.js';

const module = defineModule({
  name: 'upstream',
  doc: 'Declares groups of servers that `proxy_pass` names. Requests are spread over them by a weighted round robin, unless the group names another load balancing method; a server that fails rests for a while.',
  directives: {
    upstream: {
      contexts: ['http'],
      takes: named('name', text),
      repeat: true,
      body: { context: 'upstream' },
      doc: 'Declares a group of servers. They may listen on different ports, and on TCP and unix domain sockets side by side. A request that fails at one server is passed to the next, as `proxy_next_upstream` says.',
      example: 'upstream backend {\n    server backend1.example.com weight=5;\n    server 127.0.0.1:8080 backup;\n}',
    },
    server: {
      contexts: ['upstream'],
      takes: serverArgument,
      repeat: true,
      inherit: 'none',
      doc: 'One server of the group: a name or IP address with an optional port (80), or `unix:` and a path. A name with several addresses stands for several servers; one without an address gets no requests, and is looked up again until it has one. `weight=` (1); `max_conns=` limits connections at a time (0: no limit); `max_fails=` (1) failures within `fail_timeout=` (10s) make the server rest for that time; `backup` servers are asked only when no other may be; `down` gets no requests; `resolve` looks the name up again whenever its DNS answer expires, and `service=` takes ports and weights from SRV records.',
      example: 'server 127.0.0.1:8080 weight=2 max_fails=3 fail_timeout=30s;',
      differs:
        '`resolve` works without a `zone`. The name is looked up before the start, for at most a second; nginx starts at once and refuses requests until the answer comes.',
      differsFor: (words) => words.includes('resolve'),
    },
    resolver: {
      contexts: ['upstream'],
      takes: resolverArgument,
      inherit: 'none',
      doc: 'The name servers for `server ... resolve` of this group. Without it those of `http` hold.',
      example: 'resolver 127.0.0.1:53 valid=30s;',
    },
    resolver_timeout: {
      contexts: ['upstream'],
      takes: milliseconds,
      inherit: 'none',
      doc: 'How long a name may take to resolve, and how long to wait after a failure. Without it that of `http` holds, or 30s.',
      example: 'resolver_timeout 5s;',
    },
  },
  variables: upstreamVariables,

  check(block, c) {
    if (block.context === 'http') checkNames(c);
    if (block.context === 'upstream') checkRunTimeServers(block, c);
  },

  async http(_conf, block, compiler) {
    const { slice } = compiler;
    for (const configured of configuredUpstreams(block, 'server', compiler)) {
      build(configured, block, compiler);
      if (slice.over) await slice.next();
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
    const known = first.get(name);
    if (known === undefined) first.set(name, block);
    else {
      const other = c.openerOf(known)?.args[0];
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
    // A server that was refused has its own finding, and so has what gives the servers in modules that are not here.
    if (!block.own.includes('server') && !c.hasForeign(block))
      c.report(name, 'missing-server', 'no servers are inside upstream');
  } else if (servers.every(({ settings }) => settings.backup) && !c.hasForeign(block)) {
    c.report(name, 'missing-server', `no servers in upstream "${name.text}"`, {
      help: 'all of them are backup servers; at least one must not be',
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
      help: 'name a DNS server with "resolver", in this upstream or at http level',
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

/** The name servers that hold in an `upstream` block: its own, or those of the `http` block around it. */
function resolverOf(block: CheckedBlock, http: CheckedBlock | null): ResolverData | undefined {
  // The `resolver` of http is another module's; both take the same arguments.
  return (block.values.resolver ?? http?.values.resolver) as ResolverData | undefined;
}

/** nginx's default of `resolver_timeout`, in ms. */
const RESOLVER_TIMEOUT = 30_000;

function build({ block, upstream }: ConfiguredUpstream, http: CheckedBlock, compiler: Compiler): void {
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
      if (previous !== undefined) servers.presume(previous);
      return resolver.ready;
    });
    // Who looks the names up reports what fails.
    compiler.await(startable.then(() => servers.start()).catch(() => {}));
  }
}
