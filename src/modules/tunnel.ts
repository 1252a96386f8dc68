/** nginx's `ngx_http_tunnel_module`: tunnels for clients that use the server as a proxy (CONNECT, RFC 9110 9.3.6). */
import type { Word } from '../../grammar/syntax-tree.js';
import { type Address, parseAddress } from '../config/address.js';
import { bitmask, flag, milliseconds, optional, size, templates, word } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { ArgumentContext, ConfOf, Context } from '../config/directive.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { type HttpExchange, httpExchange } from '../exchange/exchange.js';
import type { Connect } from '../net/transport.js';
import { logError } from '../program/error-context.js';
import { defineModule, type Handler, type Module, type Scope } from '../program/module.js';
import type { Template } from '../program/template.js';
import { DONE } from '../program/verdict.js';
import { compiledTunnels } from '../tunnel/tunnels.js';
import { findUpstream } from '../upstream/configured.js';
import type { ConnectOptions } from '../upstream/connect-options.js';
import { connectionDirectives, lowWaterMark } from '../upstream/connection-directives.js';
import { bindAddress, parseLocalAddress } from '../upstream/local-address.js';
import { NEXT_UPSTREAM } from '../upstream/next-upstream.js';
import {
  configuredUpstream,
  type PassAddress,
  resolveUpstream,
  upstreamOf,
  usesServer,
} from '../upstream/pass-target.js';
import { refusalStatus } from '../upstream/request-limits.js';
import type { TunnelRules } from '../upstream/tunnel-request.js';
import type { Upstream } from '../upstream/upstream.js';

const CONTEXTS: readonly Context[] = ['http', 'server', 'location'];

type TunnelPass = PassAddress | { readonly template: TemplateData };

/** Target without an argument: the one that the client requests. */
const REQUESTED: TemplateData = [{ variable: 'host' }, ':', { variable: 'request_port' }];

/** Parses an address; returns nginx's error message if it is invalid. */
function parsePassAddress(text: string): PassAddress | string {
  const address = parseAddress(text, { defaultPort: 0 });
  return 'mistake' in address ? `${address.mistake} in upstream "${text}"` : { address, hostPort: text };
}

function parsePass(w: Word, c: ArgumentContext): TunnelPass {
  const template = parseTemplate(w, c);
  if (typeof template !== 'string') return { template };
  const target = parsePassAddress(template);
  if (typeof target !== 'string') return target;
  return c.fail(w, 'invalid-value', target, {
    help: 'valid targets: host:port, an upstream, unix:/path, or none for the one that the client requests',
  });
}

/** Directives with a prefix, from those without. */
function prefixed<T extends object>(directives: T): { readonly [K in keyof T as `tunnel_${K & string}`]: T[K] } {
  const entries = Object.entries(directives).map(([name, spec]) => [`tunnel_${name}`, spec]);
  // The keys are the ones that the type spells out; TypeScript cannot follow them through fromEntries.
  return Object.fromEntries(entries) as { readonly [K in keyof T as `tunnel_${K & string}`]: T[K] };
}

const directives = {
  tunnel_pass: {
    contexts: ['server', 'location', 'if in location'],
    takes: optional(word('address', parsePass)),
    inherit: 'noname',
    links: (pass: TunnelPass | null) => ({ refers: [`upstream ${nameOf(pass) ?? '*'}`] }),
    doc: 'Handles requests with CONNECT (HTTP/1.1): connects to a host and port, or an `upstream`, responds with 200, and forwards the bytes of both sides until one of them closes its connection. Without argument, the target is the one that the client requests, `$host:$request_port`: then restrict clients (`auth_basic`, which uses `Proxy-Authorization` and 407 for CONNECT, or `allow` and `deny`), ports and hosts (`map $request_port …` with `if`), and addresses (`tunnel_allow_upstream`), because otherwise every client can reach every host that the server can reach. In `server`, it applies to requests that no location matches. Other methods get 405. The address may contain variables; then names are resolved at run time (`resolver`), unless they refer to an `upstream`. Tunnels count towards `max_conns` and `least_conn` until they end. `circuit_breaker`, `upstream_timeout`, `retry_backoff`, `retry_budget` and `outlier_ejection` apply until the connection is established, which counts as success; without argument, failures of all targets count for the breaker of the location. `tunnel_drain`, `tunnel_lifetime` and reloads apply to them as to WebSockets, but without a closing handshake.',
    example: 'tunnel_pass;',
    differs: 'A host that cannot be resolved is a warning at start, and is resolved again until it has an address.',
    differsFor: () => false,
    differsSlightly: true,
  },
  tunnel_allow_upstream: {
    contexts: CONTEXTS,
    takes: templates,
    doc: 'Conditions for a connection to a selected server, evaluated before each attempt: it is allowed if no string is empty or `0`. Otherwise another server is tried (`tunnel_next_upstream denied`), or the response is 502. `$upstream_last_addr` is the address of the server, which `geo` can test (with `volatile`): this also refuses names that resolve to addresses of the internal network. nginx has it in its commercial version.',
    example: 'tunnel_allow_upstream $remote_user;',
  },
  tunnel_bind: {
    contexts: CONTEXTS,
    takes: bindAddress,
    doc: 'Local address of connections to the target; `off` cancels the setting inherited from the enclosing level.',
    example: 'tunnel_bind 127.0.0.1;',
    differs: '`transparent` is rejected: it requires a socket option that Node does not support.',
    differsFor: (words: readonly string[]) => words.includes('transparent'),
  },
  tunnel_bind_dynamic: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether the address of `tunnel_bind` is evaluated for each attempt, so that it may depend on `$upstream_last_addr`, instead of once for each request. nginx has it in its commercial version.',
    example: 'tunnel_bind_dynamic on;',
  },
  tunnel_read_timeout: {
    contexts: CONTEXTS,
    takes: milliseconds,
    default: '60s',
    doc: 'Time after which a tunnel is closed if no data was transmitted in either direction.',
    example: 'tunnel_read_timeout 1h;',
  },
  tunnel_buffer_size: {
    contexts: CONTEXTS,
    takes: size,
    doc: 'In nginx, the size of the two buffers of a tunnel.',
    example: 'tunnel_buffer_size 16k;',
    noEffect: 'all tunnels read into one shared buffer; only data that a slow receiver has not accepted is copied',
  },
  tunnel_next_upstream: {
    contexts: CONTEXTS,
    takes: bitmask('error', 'timeout', 'denied', 'off'),
    again: 'joins',
    default: 'error timeout',
    doc: 'Conditions under which another server is tried: an error or a timeout while connecting, or a server that `tunnel_allow_upstream` denies.',
    example: 'tunnel_next_upstream error timeout denied;',
  },
  ...prefixed({ ...connectionDirectives('tunnel_'), ...lowWaterMark('tunnel_') }),
} as const;
type Conf = ConfOf<typeof directives>;

/** Request engine; loaded before a table with a `tunnel_pass` is used. */
let engine: typeof import('../upstream/tunnel-request.js') & typeof import('../tunnel/upgrade.js');
let loading: Promise<void> | null = null;

function loadEngine(): Promise<void> {
  loading ??= Promise.all([import('../upstream/tunnel-request.js'), import('../tunnel/upgrade.js')]).then(
    ([request, upgrade]) => {
      engine = { ...request, ...upgrade };
    },
  );
  return loading;
}

const EMPTY = Buffer.alloc(0);

/** Compiles the rules of a location. */
function tunnelRules(conf: Conf, { compiler }: Scope): TunnelRules {
  const { tunnel_bind: written, tunnel_bind_dynamic: dynamic, tunnel_next_upstream: conditions } = conf;
  const bind = written === undefined || written === 'off' ? null : compiler.template(written);
  const allowed = (conf.tunnel_allow_upstream ?? []).map((data) => compiler.template(data));
  const keepAlive = conf.tunnel_socket_keepalive;
  const tunnels = compiledTunnels(compiler);
  const timeouts = { readTimeout: conf.tunnel_read_timeout, sendTimeout: conf.tunnel_send_timeout };
  const { connect } = compiler.observer;
  const plain = connectOptions(keepAlive, connect);
  return {
    scheme: '',
    settings: {
      nextUpstream: conditions.includes('off') ? 0 : conditions.reduce((sum, name) => sum | NEXT_UPSTREAM[name], 0),
      nextUpstreamTries: conf.tunnel_next_upstream_tries,
      nextUpstreamTimeout: conf.tunnel_next_upstream_timeout,
    },
    connectTimeout: conf.tunnel_connect_timeout,
    allows: (x) => allowed.every((condition) => !/^0?$/.test(condition.of(x))),
    connectOptions: bind === null ? () => plain : boundOptions(bind, dynamic, plain),
    open(x, attempt, transport) {
      engine.upgrade(x, attempt, { transport, early: EMPTY, peerEnded: false }, timeouts, tunnels);
    },
  };
}

function connectOptions(keepAlive: boolean, connect: Connect | null): ConnectOptions {
  return { identity: '', keepAlive, ...(connect !== null && { connect }) };
}

/** Options with the local address of a request, or of each attempt if it is `dynamic`. */
function boundOptions(bind: Template, dynamic: boolean, plain: ConnectOptions): (x: HttpExchange) => ConnectOptions {
  const known = new WeakMap<HttpExchange, ConnectOptions>();
  return (x) => {
    const first = dynamic ? undefined : known.get(x);
    if (first !== undefined) return first;
    const text = bind.of(x);
    const local = text === '' ? null : parseLocalAddress(text);
    if (local === null && text !== '') logError(x, 'error', `invalid local address "${text}"`);
    const options = { ...plain, ...local };
    known.set(x, options);
    return options;
  };
}

/** The upstream of a request; a promise if a name must be resolved, or a status. */
type Target = (x: HttpExchange) => Upstream | number | Promise<Upstream | null>;

function compileTarget(pass: TunnelPass | null, at: Scope): Target {
  if (pass !== null && 'address' in pass) {
    const upstream = configuredUpstream(pass, at);
    return () => upstream;
  }
  const { shared } = at.compiler;
  const template = at.compiler.template(pass === null ? REQUESTED : pass.template);
  return (x) => {
    const target = parsePassAddress(template.of(x));
    if (typeof target === 'string') {
      logError(x, 'info', target);
      return 500;
    }
    const known = upstreamOf(target, shared);
    if (known !== undefined) return known;
    const { address } = target;
    if (address.family !== 'unix' && address.port === 0) {
      logError(x, 'error', `no port in upstream "${address.host}"`);
      return 500;
    }
    return resolveUpstream(target, x);
  };
}

function compile(conf: Conf, at: Scope): Handler | null {
  if (conf.tunnel_pass === undefined) return null;
  at.program.passes = true;
  const target = compileTarget(conf.tunnel_pass, at);
  let rules: TunnelRules;
  at.compiler.whenServing(async () => {
    rules = tunnelRules(conf, at);
    await loadEngine();
  });
  const begin = (x: HttpExchange, upstream: Upstream): number => {
    const refused = refusalStatus(x, upstream);
    if (refused !== 0) return refused;
    x.upstreamUri = '';
    new engine.TunnelRequest(x, upstream, rules).begin();
    return DONE;
  };
  return (exchange) => {
    if (exchange.method !== 'CONNECT') return 405;
    const x = httpExchange(exchange);
    x.upstreamHeaders = null;
    const found = target(x);
    if (typeof found === 'number') return found;
    if (!(found instanceof Promise)) return begin(x, found);
    return found.then((upstream) => (upstream === null ? 502 : begin(x, upstream)));
  };
}

/** Whether a block, or one inside it, handles CONNECT. */
function handlesConnect(block: CheckedBlock): boolean {
  if (block.own.includes('tunnel_pass') || block.blocks.some(handlesConnect)) return true;
  return block.steps.some((step) => step.block !== null && handlesConnect(step.block));
}

/** Name of the `upstream` to which a target may refer; undefined if it depends on the request. */
function nameOf(pass: TunnelPass | null): string | undefined {
  if (pass === null || !('address' in pass)) return undefined;
  const { address } = pass;
  return address.family === 'unix' ? address.path : address.host.toLowerCase();
}

/** Changes of these directives concern new tunnels only. */
const ESTABLISHING =
  /^tunnel_(?:allow_upstream|bind(?:_dynamic)?|buffer_size|connect_timeout|next_upstream\w*|socket_\w+|send_lowat)$/;

/** A change of the target, or of its upstream, ends a tunnel only if it removes the tunnel's server. */
const tunnelContinues: NonNullable<Module['tunnelContinues']> = (change, tunnel, before, after, shared) => {
  if (ESTABLISHING.test(change)) return true;
  const [old, fresh] = [before, after].map(({ values }) => values.tunnel_pass as TunnelPass | null | undefined);
  if (old === undefined || fresh === undefined) return false;
  const target: Address | null = fresh !== null && 'address' in fresh ? fresh.address : null;
  if (change === 'tunnel_pass') {
    return target !== null && usesServer(upstreamOf({ address: target, hostPort: '' }, shared), tunnel);
  }
  if (!change.startsWith('upstream ')) return false;
  const name = nameOf(old) ?? tunnel.upstream;
  if (change !== `upstream ${name.toLowerCase()}`) return true;
  return usesServer(
    target === null ? findUpstream(shared, name) : upstreamOf({ address: target, hostPort: '' }, shared),
    tunnel,
  );
};

export default defineModule({
  name: 'tunnel',
  doc: 'Makes the server a proxy for tunnels: clients choose a host and port with CONNECT, and exchange bytes with it.',
  directives,
  tunnelContinues,
  phases: {
    // Compiled for each server, before its first request; there is no handler.
    serverRewrite: {
      order: 0,
      compile(_conf, { server, block }) {
        if (server !== null && handlesConnect(block)) server.acceptsConnect = true;
        return null;
      },
    },
    content: { order: 0, compile },
  },
});
