/** nginx's `ngx_http_grpc_module`: passes requests to gRPC servers, and other servers with HTTP/2. */
import { flag } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { ConfOf } from '../../config/directive.js';
import { ERROR_RESPONSE } from '../../exchange/error-response.js';
import { type HttpExchange, httpExchange } from '../../exchange/exchange.js';
import { escapePath } from '../../http/uri-escape.js';
import { withContents } from '../../net/tls-files.js';
import { defineModule, type Handler, type Scope } from '../../program/module.js';
import { DONE } from '../../program/verdict.js';
import { upstreamSslDirectives } from '../../tls/upstream-ssl.js';
import { HEAD_EDITOR } from '../../upstream/head-editor.js';
import { bindAddress } from '../../upstream/local-address.js';
import { LocationConnections } from '../../upstream/location-connections.js';
import { unbufferedDirectives, unbufferedSettings } from '../../upstream/pass-directives.js';
import { RequestHeadBuilder } from '../../upstream/request-head.js';
import { refusalStatus } from '../../upstream/request-limits.js';
import { HIDDEN_BY_GRPC, ResponseHeadRules } from '../../upstream/response-head.js';
import { GRPC_ERRORS } from './error-status.js';
import type { GrpcRules } from './grpc-rules.js';
import { compileTarget, type Destination, type GrpcPass, grpcPass, upstreamNameOf } from './pass.js';

const directives = {
  grpc_pass: {
    contexts: ['location', 'if in location'],
    takes: grpcPass,
    inherit: 'noname',
    links: (pass: GrpcPass) => ({ refers: [`upstream ${upstreamNameOf(pass) ?? '*'}`] }),
    doc: 'gRPC server to which requests are passed with HTTP/2: `host:port`, the name of an `upstream`, or a unix domain socket (`unix:/path`), with the scheme `grpc://` (the default), or `grpcs://` for TLS. The bodies of request and response are passed on as they arrive, in both directions at once, with trailers; the URI is the one that the client has sent. The address may contain variables; then names are resolved at run time (`resolver`), unless they refer to an `upstream`. The server must support HTTP/2 with prior knowledge; with TLS, `h2` is offered by ALPN.',
    example: 'grpc_pass grpc://127.0.0.1:50051;',
    differs: 'A host that cannot be resolved is a warning at start, and is resolved again until it has an address.',
    differsFor: () => false,
    differsSlightly: true,
  },
  grpc_bind: {
    contexts: ['http', 'server', 'location'],
    takes: bindAddress,
    doc: 'Local address of connections to the upstream; `off` cancels the setting inherited from the enclosing level.',
    example: 'grpc_bind 127.0.0.1;',
    differs: '`transparent` is rejected: it requires a socket option that Node does not support.',
    differsFor: (words: readonly string[]) => words.includes('transparent'),
  },
  grpc_error_status: {
    contexts: ['http', 'server', 'location'],
    takes: flag,
    default: 'off',
    doc: 'Responds to calls of gRPC (requests whose `Content-Type` begins with `application/grpc`) with errors of gRPC instead of error pages: status 200 with `grpc-status`, translated as clients do it (502, 503, 504 and 429: 14, 401: 16, 403: 7, 404: 12, 400: 13, others: 2), and `grpc-message`. Applies to errors of the proxy and of all directives in the location, and with `grpc_intercept_errors` to those of the upstream; `error_page` has precedence. Access logs show status 200. With `off`, clients get the status of HTTP, as in nginx, and translate it. This is an extension of tsproxy.',
    example: 'grpc_error_status on;',
  },
  ...unbufferedDirectives('grpc'),
  ...upstreamSslDirectives('grpc'),
} as const;
type Conf = ConfOf<typeof directives>;

/** Request engine; loaded before a table with a `grpc_pass` is used. */
async function loadEngine() {
  const [{ UpstreamRequest }, { GrpcRules }, { Http2UpstreamSession }] = await Promise.all([
    import('../../upstream/request.js'),
    import('./grpc-rules.js'),
    import('../../http2/upstream-session.js'),
  ]);
  return { UpstreamRequest, GrpcRules, Http2UpstreamSession };
}

/** Compiler of TLS settings; loaded before a location that may need it is compiled. */
let compileUpstreamTls: typeof import('../../tls/compile-upstream-ssl.js').compileUpstreamTls;

/** Whether a location of the block may have an upstream with TLS: with variables, the scheme depends on the request. */
function mayUseTls({ own, values, blocks }: CheckedBlock): boolean {
  if (own.includes('grpc_pass')) {
    const pass = values.grpc_pass as GrpcPass;
    if (!('target' in pass) || pass.target.secure) return true;
  }
  return blocks.some(mayUseTls);
}

/** Options of the rules that do not depend on the scheme. */
function rulesOptions(conf: Conf, { compiler, program }: Scope) {
  return {
    settings: unbufferedSettings('grpc', conf, compiler),
    requestHead: new RequestHeadBuilder(
      {
        fields: conf.grpc_set_header,
        version: '2',
        passFields: true,
        forwarded: null,
        upgrades: null,
        negotiates: false,
        ownBody: false,
        passTrailersOption: true,
      },
      compiler,
    ),
    responseHead: new ResponseHeadRules({
      hidden: HIDDEN_BY_GRPC,
      hide: conf.grpc_hide_header,
      pass: conf.grpc_pass_header,
      redirects: null,
      cookies: null,
      forceRanges: false,
    }),
    editHead: program.settings.get(HEAD_EDITOR),
  };
}

/** URI of the request to the upstream. nginx: ngx_http_grpc_create_request. */
function upstreamUri(x: HttpExchange): string {
  if (x.uriUnchanged) return x.target;
  const path = escapePath(x.uri);
  return x.args === '' ? path : `${path}?${x.args}`;
}

function compile(conf: Conf, at: Scope): Handler | null {
  const { grpc_pass: pass, grpc_bind: bind } = conf;
  if (pass === undefined) return null;
  const { compiler, program: origin } = at;
  origin.autoRedirect = true;
  origin.passes = true;
  const target = compileTarget(pass, at);
  // With variables, the scheme depends on the request.
  const isSecure = 'target' in pass ? pass.target.secure : null;
  // Connections that are only simulated need no certificates.
  const isEncrypted = isSecure !== false && compiler.observer.connect === null;
  const tls = isEncrypted ? withContents(compiler.files, () => compileUpstreamTls('grpc', conf, at, ['h2'])) : null;
  let engine: Awaited<ReturnType<typeof loadEngine>>;
  let plain: GrpcRules;
  let secured: GrpcRules;
  compiler.whenServing(async () => {
    const options = rulesOptions(conf, at);
    const connections = {
      bind: bind === undefined || bind === 'off' ? null : compiler.template(bind),
      socketKeepalive: conf.grpc_socket_keepalive,
      connect: compiler.observer.connect,
    };
    engine = await loadEngine();
    const { open } = engine.Http2UpstreamSession;
    const rules = (scheme: 'grpc://' | 'grpcs://') => {
      const own = { ...connections, open, tls: scheme === 'grpcs://' ? tls : null };
      return new engine.GrpcRules({ ...options, scheme, connections: new LocationConnections(own) });
    };
    if (isSecure !== true) plain = rules('grpc://');
    if (isSecure !== false) secured = rules('grpcs://');
  });
  const begin = (x: HttpExchange, { upstream, secure, host }: Destination): number => {
    const refused = refusalStatus(x, upstream);
    if (refused !== 0) return refused;
    x.upstreamHost = host;
    x.upstreamUri = upstreamUri(x);
    x.upgradeRequest = null;
    new engine.UpstreamRequest(x, upstream, secure ? secured : plain, origin).begin();
    return DONE;
  };
  return (exchange) => {
    const x = httpExchange(exchange);
    // As in nginx, fields of an earlier response are dropped before the target is evaluated.
    x.upstreamHeaders = null;
    const found = target(x);
    if (typeof found === 'number') return found;
    if (!(found instanceof Promise)) return begin(x, found);
    return found.then((destination) => (destination === null ? 502 : begin(x, destination)));
  };
}

export default defineModule({
  name: 'grpc',
  doc: 'Passes requests to gRPC servers with HTTP/2.',
  directives,
  async http(_conf, block) {
    if (mayUseTls(block)) ({ compileUpstreamTls } = await import('../../tls/compile-upstream-ssl.js'));
  },
  settings(conf, { program }) {
    if (conf.grpc_error_status) program.settings.set(ERROR_RESPONSE, GRPC_ERRORS);
  },
  phases: { content: { order: 0, compile } },
});
