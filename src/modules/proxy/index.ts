/** nginx's `ngx_http_proxy_module`: passes requests to other HTTP servers. */
import { cacheDirectives } from '../../cache/cache-directives.js';
import { cacheSettings, openCaches } from '../../cache/cache-settings.js';
import { checkCache } from '../../cache/check-cache.js';
import { choice, flag, template } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { ConfOf } from '../../config/directive.js';
import { httpExchange } from '../../exchange/exchange.js';
import { isToken } from '../../http/field-line.js';
import { Field } from '../../http/field-names.js';
import type { OpenSession } from '../../http/upstream-session.js';
import { withContents } from '../../net/tls-files.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { type Compiler, defineModule, type Scope } from '../../program/module.js';
import { DONE } from '../../program/verdict.js';
import { upstreamSslDirectives } from '../../tls/upstream-ssl.js';
import { TUNNEL_STAGES } from '../../tunnel/stages.js';
import { compiledTunnels } from '../../tunnel/tunnels.js';
import { HEAD_EDITOR } from '../../upstream/head-editor.js';
import { HEALTH_CHECKS } from '../../upstream/health/settings.js';
import { bindAddress } from '../../upstream/local-address.js';
import { bufferedDirectives, bufferedSettings } from '../../upstream/pass-directives.js';
import { upstreamOf } from '../../upstream/pass-target.js';
import { RequestHeadBuilder, type SetHeader } from '../../upstream/request-head.js';
import { refusalStatus } from '../../upstream/request-limits.js';
import { HIDDEN_BY_PROXY, ResponseHeadRules } from '../../upstream/response-head.js';
import { checkBufferSizes } from './buffer-sizes.js';
import { compileTls, type ProxyTls, proxyConnections } from './connections.js';
import { CookieRewrite, cookieFlags } from './cookies.js';
import { checkForwarded, Forwarded, forwardedArgument } from './forwarded.js';
import { LostUpgrades } from './lost-upgrades.js';
import { checkPass, type PassData, passTarget, upstreamNameOf } from './pass.js';
import type { ProxyRules, ProxyRulesOptions } from './proxy-rules.js';
import { checkRewrites, type RewriteData, Rewrites, rewriteRule } from './rewrites.js';
import { storeDirectives, storeSettings } from './store.js';
import { compileTarget, type Destination, destinationOf, upstreamUri } from './target.js';
import { tunnelContinues } from './tunnels.js';
import { checkUpgrades, UpgradeRules, upgradeDirectives } from './upgrades.js';

const directives = {
  proxy_pass: {
    contexts: ['location', 'if in location', 'limit_except'],
    takes: passTarget,
    inherit: 'noname',
    links: (pass: PassData) => ({ refers: [`upstream ${upstreamNameOf(pass) ?? '*'}`] }),
    doc: 'Server to which requests are passed: an `http` or `https` URL with a host, an `upstream`, or a unix domain socket (`http://unix:/path`). `ws` and `wss` mean the same as `http` and `https`, and `proxy_websocket on` unless that directive is set (an extension of tsproxy). If the URL has a URI part, it replaces the prefix of the location; otherwise the request URI is passed as sent by the client. The URL may contain variables; then names are resolved at run time (`resolver`), unless they refer to an `upstream`.',
    example: 'proxy_pass http://127.0.0.1:8081;',
    differs:
      'A response with status 101 to a request without `Upgrade` is invalid (502); nginx passes it on. A host that cannot be resolved is a warning at start, and is resolved again until it has an address; in nginx it is an error.',
    differsFor: () => false,
    differsSlightly: true,
  },
  proxy_http_version: {
    contexts: ['http', 'server', 'location'],
    takes: choice('1.0', '1.1', '2'),
    default: '1.1',
    doc: 'HTTP version of requests to the upstream. Keep-alive connections require 1.1 or 2. Version 2 is used without negotiation: the upstream must support it, on clear text with prior knowledge; with TLS, `h2` is offered by ALPN. Fields of a single connection (`Connection`, `Upgrade`, `Transfer-Encoding`) are not sent with it. Tunnels (WebSocket) require 1.1: with `proxy_websocket on`, requests for an upgrade are sent with 1.1 whatever the version is.',
    example: 'proxy_http_version 2;',
  },
  proxy_method: {
    contexts: ['http', 'server', 'location'],
    takes: template,
    doc: "Method of requests to the upstream, instead of the client's method.",
    example: 'proxy_method POST;',
    differs:
      'If the value is not a valid method (it is empty, or contains a space or a line break), the request fails with 500.',
    differsFor: ([method]: readonly string[]) => method !== undefined && !method.includes('$') && !isToken(method),
  },
  proxy_set_body: {
    contexts: ['http', 'server', 'location'],
    takes: template,
    doc: "Body of requests to the upstream, instead of the client's body.",
    example: 'proxy_set_body $request_uri;',
  },
  proxy_redirect: {
    contexts: ['http', 'server', 'location'],
    takes: rewriteRule('redirect'),
    repeat: true,
    doc: 'Changes `Location` and `Refresh` fields of responses that start with a text or match a regular expression (`~`). `default` replaces the URL of `proxy_pass` by the location.',
    example: 'proxy_redirect http://backend/ /;',
  },
  proxy_cookie_domain: {
    contexts: ['http', 'server', 'location'],
    takes: rewriteRule('domain'),
    repeat: true,
    doc: 'Changes the `Domain` attribute of cookies set by the upstream, compared case-insensitively and without a leading dot, or with a regular expression (`~`).',
    example: 'proxy_cookie_domain backend.internal example.com;',
  },
  proxy_cookie_path: {
    contexts: ['http', 'server', 'location'],
    takes: rewriteRule('path'),
    repeat: true,
    doc: 'Changes the `Path` attribute of cookies set by the upstream if it starts with a text or matches a regular expression (`~`, or case-insensitively `~*`).',
    example: 'proxy_cookie_path /app/ /;',
  },
  proxy_cookie_flags: {
    contexts: ['http', 'server', 'location'],
    takes: cookieFlags,
    repeat: true,
    doc: 'Sets or removes flags of cookies set by the upstream: `secure`, `httponly`, `samesite=strict|lax|none`, or the same with the prefix `no`.',
    example: 'proxy_cookie_flags session secure httponly;',
  },
  proxy_force_ranges: {
    contexts: ['http', 'server', 'location'],
    takes: flag,
    default: 'off',
    doc: 'Whether range requests are supported for all responses, regardless of their `Accept-Ranges` field.',
    example: 'proxy_force_ranges on;',
  },
  proxy_bind: {
    contexts: ['http', 'server', 'location'],
    takes: bindAddress,
    doc: 'Local address of connections to the upstream.',
    example: 'proxy_bind 127.0.0.1;',
    differs: '`transparent` is rejected: it requires a socket option that Node does not support.',
    differsFor: () => false,
  },
  proxy_forwarded: {
    contexts: ['http', 'server', 'location'],
    takes: forwardedArgument,
    default: 'off',
    doc: 'Sets the field `Forwarded` (RFC 7239) of requests to the upstream. `on` replaces the field of the client, `append` adds an element to it, unless it is malformed; use `append` behind trusted proxies only. Parameters are strings with variables, and are left out if they are empty: `for` is the address of the client (default: `$remote_addr`), `by` that of the server (default: none), each with an optional port (`for=[$remote_addr]:$remote_port`), or an obfuscated identifier that starts with `_`; everything else becomes `unknown`. `host` (default: `$http_host`) and `proto` (default: `$scheme`) describe the request. Values are quoted if necessary. With `off`, the field of the client is passed on unchanged. This is an extension of tsproxy.',
    example: 'proxy_forwarded on by=_edge;',
  },
  proxy_protocol: {
    contexts: ['http', 'server', 'location'],
    takes: choice('off', 'on', 'v2'),
    default: 'off',
    doc: "Whether connections to the upstream begin with a header of the PROXY protocol, which contains the addresses of the client (`$remote_addr`, `$remote_port`) and of the server: version 1 with `on`, version 2 with `v2`, which also describes the TLS connection of the client (server name, ALPN, protocol, cipher, certificate). The upstream must expect the header. Each connection belongs to one client connection, is reused only for its further requests, and closes with it. This is an extension of tsproxy with the values of the directive in nginx's stream module; nginx has no such directive for HTTP.",
    example: 'proxy_protocol v2;',
  },
  ...upgradeDirectives,
  ...bufferedDirectives('proxy'),
  ...upstreamSslDirectives('proxy'),
  ...storeDirectives,
  ...cacheDirectives('proxy'),
} as const;
type Conf = ConfOf<typeof directives>;

/** Request engine; loaded before a table with a `proxy_pass` is used. */
let engine: typeof import('../../upstream/request.js') &
  typeof import('../../upstream/cached-response.js') &
  typeof import('./proxy-rules.js');
let loading: Promise<void> | null = null;

function loadEngine(): Promise<void> {
  loading ??= Promise.all([
    import('../../upstream/request.js'),
    import('../../upstream/cached-response.js'),
    import('./proxy-rules.js'),
  ]).then(([request, cached, protocol]) => {
    engine = { ...request, ...cached, ...protocol };
  });
  return loading;
}

async function loadHttp2(): Promise<OpenSession> {
  const { Http2UpstreamSession } = await import('../../http2/upstream-session.js');
  return Http2UpstreamSession.open;
}

/** Compiler of TLS settings; loaded before a location that may need it is compiled. */
let compileUpstreamTls: typeof import('../../tls/compile-upstream-ssl.js').compileUpstreamTls;

/** Whether a location of the block may have an upstream with TLS: with variables, the scheme depends on the request. */
function mayUseTls({ own, values, blocks }: CheckedBlock): boolean {
  if (own.includes('proxy_pass')) {
    const pass = values.proxy_pass as PassData;
    if (!('target' in pass) || pass.target.secure) return true;
  }
  return blocks.some(mayUseTls);
}

/** Compiles the rules of a repeatable rewrite directive; `off` and `default` stand alone or first. */
function rewrites(data: readonly RewriteData[], kind: 'prefix' | 'whole domain', compiler: Compiler): Rewrites {
  const rules = new Rewrites(compiler);
  for (const rule of data) if (typeof rule === 'object') rules.add(rule, kind);
  return rules;
}

/** Compiles `proxy_redirect`, whose default is `default`. */
function redirects(conf: Conf, at: Scope): Rewrites {
  const rules = new Rewrites(at.compiler);
  const written = conf.proxy_redirect.length === 0 ? (['default'] as const) : conf.proxy_redirect;
  for (const rule of written) {
    if (rule === 'off') return new Rewrites(at.compiler);
    if (rule !== 'default') rules.add(rule, 'prefix');
    else if (conf.proxy_pass !== undefined && 'target' in conf.proxy_pass) {
      const { url, uri } = conf.proxy_pass.target;
      if (uri === null) rules.add({ pattern: `${url}/`, replacement: '/' }, 'prefix');
      else rules.add({ pattern: url, replacement: at.program.name }, 'prefix');
    }
  }
  return rules;
}

/** Fields of requests whose responses are stored: conditions and ranges of the client apply to the stored response. */
const CACHE_FIELDS: readonly SetHeader[] = [
  { name: 'If-Modified-Since', value: [{ variable: 'upstream_cache_last_modified' }] },
  { name: 'If-Unmodified-Since', value: '' },
  { name: 'If-None-Match', value: [{ variable: 'upstream_cache_etag' }] },
  { name: 'If-Match', value: '' },
  { name: 'Range', value: '' },
  { name: 'If-Range', value: '' },
];

/** Adds these fields, unless they are set. */
function withCacheFields(fields: readonly SetHeader[]): readonly SetHeader[] {
  const names = new Set(fields.map(({ name }) => name.toLowerCase()));
  return [...fields, ...CACHE_FIELDS.filter(({ name }) => !names.has(name.toLowerCase()))];
}

type SharedOptions = Omit<ProxyRulesOptions, 'scheme' | 'connections' | 'upgradeConnections'>;

/** Options that do not depend on the scheme. */
function rulesOptions(conf: Conf, at: Scope, upgrades: UpgradeRules | null): SharedOptions {
  const { compiler } = at;
  const template = (data: Parameters<Compiler['template']>[0] | undefined) =>
    data === undefined ? null : compiler.template(data);
  const settings = bufferedSettings('proxy', conf, compiler);
  const { place } = settings.spool;
  const cache = cacheSettings('proxy', conf, conf.proxy_ignore_headers ?? [], place, compiler);
  const requestHead = (fields: readonly SetHeader[]) =>
    new RequestHeadBuilder(
      {
        fields,
        version: conf.proxy_http_version,
        passFields: conf.proxy_pass_request_headers,
        forwarded: conf.proxy_forwarded === null ? null : new Forwarded(conf.proxy_forwarded, compiler),
        upgrades,
        negotiates: at.program.settings.get(TUNNEL_STAGES).length > 0,
        ownBody: conf.proxy_set_body !== undefined,
        passTrailersOption: false,
      },
      compiler,
    );
  return {
    settings: { ...settings, store: storeSettings(conf, place, compiler), cache },
    requestHead: requestHead(conf.proxy_set_header),
    cachedRequestHead: cache === null ? null : requestHead(withCacheFields(conf.proxy_set_header)),
    responseHead: new ResponseHeadRules({
      hidden: HIDDEN_BY_PROXY,
      hide: conf.proxy_hide_header,
      pass: conf.proxy_pass_header,
      redirects: redirects(conf, at),
      cookies: new CookieRewrite(
        rewrites(conf.proxy_cookie_domain, 'whole domain', compiler),
        rewrites(conf.proxy_cookie_path, 'prefix', compiler),
        conf.proxy_cookie_flags.includes('off') ? [] : conf.proxy_cookie_flags,
        compiler,
      ),
      forceRanges: conf.proxy_force_ranges,
    }),
    method: template(conf.proxy_method),
    body: template(conf.proxy_set_body),
    passBody: conf.proxy_pass_request_body,
    tunnels: compiledTunnels(compiler),
    upgrades,
    lostUpgrades: new LostUpgrades(),
    proxyProtocol: conf.proxy_protocol,
    editHead: at.program.settings.get(HEAD_EDITOR),
  };
}

/** Starts the health checks of the servers to which the location passes requests. */
async function checkHealth(pass: Conf['proxy_pass'], rules: ProxyRules, at: Scope): Promise<void> {
  if (pass === undefined || !('target' in pass) || at.program.settings.get(HEALTH_CHECKS) === null) return;
  const upstream = upstreamOf(pass.target, at.compiler.shared);
  if (upstream === undefined) return;
  const { host, port } = destinationOf(pass.target, upstream, false);
  const { addHealthChecks } = await import('../../upstream/health/location-checks.js');
  await addHealthChecks({ upstream, rules, host, port }, at);
}

export default defineModule({
  name: 'proxy',
  doc: 'Passes requests and WebSocket tunnels to other HTTP servers.',
  directives,
  tunnelContinues,
  check(block, c) {
    checkPass(block, c);
    checkRewrites(c);
    checkBufferSizes('proxy_', block, c);
    checkForwarded(block, c);
    checkUpgrades(block, c);
    checkCache('proxy', block, c);
  },
  variables: {
    proxy_host: {
      get: (x) => httpExchange(x).upstreamHost,
      changeable: true,
      doc: 'Host and port of the target as written in `proxy_pass`, without the default port of its protocol.',
    },
    proxy_port: {
      get: (x) => httpExchange(x).upstreamPort,
      changeable: true,
      doc: 'Port of the target, or the default port of its protocol.',
    },
    proxy_add_x_forwarded_for: {
      get: forwardedFor,
      doc: '`X-Forwarded-For` of the request with the client address appended, or the client address alone.',
    },
  },
  async http(conf, block, compiler) {
    openCaches('proxy', conf.proxy_cache_path, compiler);
    if (mayUseTls(block)) ({ compileUpstreamTls } = await import('../../tls/compile-upstream-ssl.js'));
  },
  phases: {
    content: {
      order: 0,
      compile(conf, at) {
        if (conf.proxy_pass === undefined) return null;
        at.program.autoRedirect = true;
        at.program.passes = true;
        const target = compileTarget(conf.proxy_pass, at);
        const timed = at.block.values.proxy_read_timeout !== undefined;
        const upgrades = UpgradeRules.of(conf, conf.proxy_pass, timed);
        if (upgrades?.mayOpenWebSockets === true || conf.proxy_set_header.some(forwardsUpgrade)) {
          if (at.server !== null) at.server.opensWebSockets = true;
        }
        // With variables, the scheme depends on the request.
        const isSecure = 'target' in conf.proxy_pass ? conf.proxy_pass.target.secure : null;
        // Connections that are only simulated need no certificates.
        const isEncrypted = isSecure !== false && at.compiler.observer.connect === null;
        const tls = isEncrypted
          ? withContents(at.compiler.files, () => compileTls(conf, at, compileUpstreamTls))
          : null;
        let plain: ProxyRules;
        let secured: ProxyRules;
        at.compiler.whenServing(async () => {
          const options = rulesOptions(conf, at, upgrades);
          await loadEngine();
          const open = conf.proxy_http_version === '2' ? await loadHttp2() : null;
          const rules = (scheme: 'http://' | 'https://', secured: ProxyTls | null) =>
            new engine.ProxyRules({ ...options, scheme, ...proxyConnections(conf, at, secured, open) });
          if (isSecure !== true) plain = rules('http://', null);
          if (isSecure !== false) secured = rules('https://', tls);
          await checkHealth(conf.proxy_pass, isSecure === true ? secured : plain, at);
        });
        // Keep-alive connections may be bound to the location that established them.
        const origin = at.program;
        const begin = (exchange: Exchange, destination: Destination): number => {
          const x = httpExchange(exchange);
          const refusedStatus = refusalStatus(x, destination.upstream);
          if (refusedStatus !== 0) return refusedStatus;
          x.upstreamHost = destination.host;
          x.upstreamPort = destination.port;
          x.upstreamUri = upstreamUri(x, destination);
          if (x.upstreamUri === '') {
            logError(x, 'error', 'zero length URI to proxy');
            return 500;
          }
          x.upgradeRequest = null;
          const refusal = upgrades?.prepare(x, destination.websocket) ?? 0;
          if (refusal !== 0) return refusal;
          const protocol = destination.secure ? secured : plain;
          if (!protocol.chooseMethod(x)) return 500;
          const { cache } = protocol.settings;
          if (cache === null) new engine.UpstreamRequest(x, destination.upstream, protocol, origin, null).begin();
          else {
            engine.beginCached(x, cache, protocol, (use) =>
              new engine.UpstreamRequest(x, destination.upstream, protocol, origin, use).begin(),
            );
          }
          return DONE;
        };
        return (x) => {
          // As in nginx, fields of an earlier response are dropped before the target is evaluated.
          httpExchange(x).upstreamHeaders = null;
          x.cacheUse = null;
          const destination = target(x);
          if (destination === null) return 500;
          if (destination instanceof Promise) {
            return destination.then((found) => (found === null ? 502 : begin(x, found)));
          }
          return begin(x, destination);
        };
      },
    },
  },
});

/** Whether a field is `Upgrade`, which opens WebSockets unless it is empty. */
function forwardsUpgrade({ name, value }: SetHeader): boolean {
  return name.toLowerCase() === 'upgrade' && value.length > 0;
}

function forwardedFor(x: Exchange): string {
  const address = x.remoteAddress;
  const i = x.headers.indexOf(Field.XForwardedFor);
  return i < 0 ? address : `${x.headers.joined('x-forwarded-for')}, ${address}`;
}
