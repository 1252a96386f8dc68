/** The configuration that a command line of `tsproxy forward` stands for. */
import { WEB_MEDIA_TYPES } from '../../http/web-media-types.js';
import { type Block, block, configurationText, type Line } from '../configuration-text.js';
import { shellWord } from '../shell-word.js';
import { UsageError } from '../usage-error.js';
import { groupServers, type Loopback } from './group-servers.js';
import { type CertificatePaths, type ForwardPlan, type Route, withSlash } from './plan.js';
import { type DirectoryTarget, isAddress, type ServerTarget } from './target.js';

/** Files and addresses of this machine that the configuration refers to. */
export interface MachineFacts {
  /** Certificate of the listener; null without TLS. */
  readonly certificate: CertificatePaths | null;
  /** Certificates of the authorities that targets with TLS are verified against; null if there are none to verify. */
  readonly authorities: string | null;
  /** Loopback addresses in the order in which `localhost` is resolved: a server for `localhost` listens on the first. */
  readonly loopback: Loopback;
}

/** Facts for the configuration of `tsproxy forward`. */
export interface ForwardFacts extends MachineFacts {
  /** Names by which other machines reach this one. */
  readonly names: readonly string[];
}

/** Host and port of a request as the client wrote them, normalized. */
export const REQUESTED_HOST = '$host$is_request_port$request_port';

/** Redirect of requests without TLS to a port with TLS. */
export const REDIRECT_TO_TLS: Line = ['error_page', '497', '=308', `https://${REQUESTED_HOST}$request_uri`];

/** Pattern of paths that begin with a dot at some level. */
export const HIDDEN_PATHS = '/\\.(?!well-known/)';

/** Fields of requests to targets. */
function requestFields(host: string): Line[] {
  return [
    ['proxy_set_header', 'Host', host],
    ['proxy_set_header', 'X-Forwarded-For', '$proxy_add_x_forwarded_for'],
    ['proxy_set_header', 'X-Forwarded-Host', REQUESTED_HOST],
    ['proxy_set_header', 'X-Forwarded-Proto', '$scheme'],
  ];
}

/** For development: whatever a target sends is passed on at once, and a silent one, perhaps in a debugger, is waited for. */
const FORWARDING: readonly Line[] = [
  ['proxy_websocket', 'on', 'read_timeout=1d'],
  ['proxy_buffering', 'off'],
  ['proxy_read_timeout', '1h'],
  ...requestFields(REQUESTED_HOST),
];

/** Text of the configuration, in the layout of `tsproxy fmt`. Bytes. */
export function forwardConfiguration(plan: ForwardPlan, facts: ForwardFacts): string {
  const { routes } = plan;
  const hasDirectory = routes.some(({ target }) => target.kind === 'directory');
  const http: Line[] = [
    ['access_log', 'off'],
    ['client_max_body_size', '0'],
    ...(plan.origins.length === 0 ? [] : [cors(plan.origins)]),
    ...(hasDirectory ? [['default_type', 'application/octet-stream'] as const, block(['types'], WEB_MEDIA_TYPES)] : []),
    ...(routes.some(({ target }) => target.kind === 'server') ? FORWARDING : []),
    '',
    ...(checksHost(plan) ? [foreignHosts(plan.allowedHosts ?? [], facts.names), ''] : []),
    ...upstreams(plan, facts).flatMap((each) => [each, '']),
    ...servers(plan, facts).flatMap((each, i) => (i === 0 ? [each] : ['', each])),
  ];
  return configurationText([
    `tsproxy ${plan.words.map(shellWord).join(' ')}`,
    '',
    block(['events'], []),
    '',
    block(['http'], http),
  ]);
}

/**
 * Whether requests for unknown hosts are refused, so that a page of another site cannot read the targets by a name of its own that
 * it resolves to an address of this machine (DNS rebinding). With routes for hosts only, they have no target; with TLS, no
 * certificate is valid for such a name.
 */
function checksHost({ allowedHosts, routes, secure }: ForwardPlan): boolean {
  return allowedHosts !== null && !secure && routes.some(({ host }) => host === null);
}

/**
 * Whether a host is unknown. Addresses, names without a dot, and names below domains that cannot be registered (RFC 6761, RFC
 * 8375, and `internal`, which ICANN reserved) are no names of other sites. Browsers always send a host.
 */
function foreignHosts(allowed: readonly string[], names: readonly string[]): Block {
  const known = new Set(['*.localhost', '*.test', '*.example', '*.internal', '*.home.arpa', ...names, ...allowed]);
  // In a map, ".NAME" includes both.
  for (const name of allowed)
    if (name.startsWith('.')) for (const same of [`*${name}`, name.slice(1)]) known.delete(same);
  return block(
    ['map', '$host', '$is_foreign_host'],
    [
      ['hostnames'],
      ['default', '1'],
      ['', '0'],
      ['~^[^.]*$', '0'],
      ['~^[0-9.]+$', '0'],
      ['~^\\[', '0'],
      ...[...known].map((name) => [name, '0'] as const),
    ],
  );
}

/** The response for unknown hosts. */
const FOREIGN_HOST: Block = block(
  ['location', '@foreign_host'],
  [
    ...plainText(),
    ['return', '421', '421 Misdirected Request: the option --allow-host NAME answers requests for this host.\n'],
  ],
);

/** Groups for the targets whose names may have several addresses. */
function upstreams({ routes }: ForwardPlan, { loopback }: MachineFacts): Block[] {
  const groups = new Map<string, Block>();
  for (const { target } of routes) {
    if (target.kind !== 'server' || isAddress(target)) continue;
    const name = groupName(target);
    groups.set(name, block(['upstream', name], groupServers(target, loopback)));
  }
  return [...groups.values()];
}

function groupName({ address }: ServerTarget): string {
  return address.replace(/:(?=\d+$)/, '_');
}

/** The server for all other hosts, and one for each host of the routes. */
function servers(plan: ForwardPlan, facts: ForwardFacts): Block[] {
  const { routes } = plan;
  const hosts = [...new Set(routes.flatMap(({ host }) => (host === null ? [] : [host])))];
  const common = routes.filter(({ host }) => host === null);
  const rest: readonly Line[] =
    common.length > 0
      ? commonContent(plan, common, facts)
      : [...plainText(), ['return', '404', `No route for this host. Hosts: ${hosts.join(', ')}\n`]];
  return [
    server(plan, facts, null, rest),
    ...hosts.map((host) => {
      const own = routes.filter((route) => route.host === host);
      return server(plan, facts, host, serverContent(plan, own, facts));
    }),
  ];
}

/** Content of the server for all hosts that have no routes of their own. */
function commonContent(plan: ForwardPlan, routes: readonly Route[], facts: MachineFacts): readonly Line[] {
  const content = serverContent(plan, routes, facts);
  if (!checksHost(plan)) return content;
  const refusal = block(['if', '($is_foreign_host)'], [['return', '421']]);
  return [['error_page', '421', '@foreign_host'], refusal, '', ...content, '', FOREIGN_HOST];
}

function plainText(): Line[] {
  return [['default_type', 'text/plain']];
}

function server(
  plan: ForwardPlan,
  { certificate }: MachineFacts,
  host: string | null,
  content: readonly Line[],
): Block {
  const { listen, secure } = plan;
  const parameters = [...(host === null ? ['default_server'] : []), ...(secure ? ['ssl'] : [])];
  const tls: Line[] =
    certificate === null
      ? []
      : [
          ['http2', 'on'],
          ['ssl_certificate', certificate.certificate],
          ['ssl_certificate_key', certificate.key],
          REDIRECT_TO_TLS,
        ];
  return block(
    ['server'],
    [
      ...listen.addresses.map((address) => ['listen', address, ...parameters] as const),
      ...(host === null ? [] : [['server_name', host] as const]),
      ...tls,
      ...content,
    ],
  );
}

/** Directives of a server, its locations, and the page for targets that do not answer. */
function serverContent(plan: ForwardPlan, routes: readonly Route[], { authorities }: MachineFacts): Line[] {
  const passed = routes.filter((route) => route.target.kind === 'server');
  const lines: Line[] = [];
  if (passed.length > 0) lines.push(['error_page', '502', '@unreachable']);
  // Otherwise a browser that another server on this machine has told so would insist on TLS for all ports.
  else if (plan.secure) lines.push(['add_header', 'Strict-Transport-Security', 'max-age=0']);
  for (const route of routes) {
    const { target } = route;
    lines.push('');
    if (target.kind === 'directory') lines.push(...directoryLocations(plan, route.prefix, target));
    else lines.push(serverLocation(plan, route.prefix, target, authorities));
  }
  if (!routes.some(({ prefix }) => prefix === '/')) lines.push('', block(['location', '/'], [['return', '404']]));
  if (passed.length > 0) lines.push('', unreachable(plan, passed));
  return lines;
}

function cors(origins: readonly string[]): Line {
  return ['cors', ...origins, ...(origins.includes('*') ? [] : ['credentials'])];
}

function serverLocation(plan: ForwardPlan, prefix: string, target: ServerTarget, authorities: string | null): Block {
  const { scheme, path, address } = target;
  const changes = plan.changeOrigin ?? (scheme === 'https' && target.name !== null);
  // For the whole site a path of "/" changes nothing.
  const uri = path === null || (path === '/' && prefix === '/') ? '' : withSlash(path);
  const peer = isAddress(target) ? address : groupName(target);
  const separator = target.name === null && uri !== '' ? ':' : '';
  const lines: Line[] = [['proxy_pass', `${scheme}://${peer}${separator}${uri}`]];
  if (changes) {
    lines.push(...requestFields(target.host), [
      'proxy_redirect',
      `${scheme}://${target.host}${uri === '' ? '/' : uri}`,
      prefix,
    ]);
  }
  if (scheme === 'https') lines.push(...upstreamTls(plan, target, authorities));
  return block(['location', prefix], lines);
}

function upstreamTls({ insecure }: ForwardPlan, target: ServerTarget, authorities: string | null): Line[] {
  if (insecure) return isAddress(target) ? [] : serverName(target);
  if (isAddress(target)) {
    throw new UsageError(
      `the certificate of "${target.address}" cannot be verified, because it is an address`,
      'Use a name, or --insecure to accept any certificate.',
    );
  }
  if (authorities === null) throw new Error('no certificates of authorities');
  return verifiedTls(target, authorities);
}

function serverName({ name }: ServerTarget): Line[] {
  return [
    ['proxy_ssl_server_name', 'on'],
    ['proxy_ssl_name', name ?? ''],
  ];
}

/** TLS to a target whose host is a name, verified with the certificates of a file. */
export function verifiedTls(target: ServerTarget, authorities: string): Line[] {
  return [...serverName(target), ['proxy_ssl_verify', 'on'], ['proxy_ssl_trusted_certificate', authorities]];
}

/** Files of a directory below the prefix, without hidden ones. */
function directoryLocations({ singlePage }: ForwardPlan, prefix: string, { path }: DirectoryTarget): Line[] {
  const place: Line = prefix === '/' ? ['root', path.length > 1 ? path.slice(0, -1) : path] : ['alias', path];
  const files: Line = singlePage ? ['try_files', '$uri', '$uri/', `${prefix}index.html`] : ['autoindex', 'on'];
  const location = block(
    ['location', prefix],
    [
      place,
      files,
      ['charset', 'utf-8'],
      ['expires', '-1'],
      ['log_not_found', 'off'],
      '',
      block(['location', '~', HIDDEN_PATHS], [['return', '404']]),
    ],
  );
  if (prefix === '/') return [location];
  const bare = prefix.slice(0, -1);
  return [block(['location', '=', bare], [['return', '301', `${prefix}$is_args$args`]]), '', location];
}

/** The response for a target that does not answer. Browsers ask again until it does. */
function unreachable(plan: ForwardPlan, routes: readonly Route[]): Block {
  const verified = !plan.insecure && routes.some(({ target }) => target.kind === 'server' && target.scheme === 'https');
  const text = [
    '502 Bad Gateway: $upstream_addr does not answer, or its response is invalid.',
    `Is it running?${verified ? ' Is its certificate valid (--insecure accepts any)?' : ''} The log has the reason.`,
    '',
  ].join('\n');
  return block(
    ['location', '@unreachable'],
    [...plainText(), ['add_header', 'Refresh', '2', 'always'], ['return', '502', text]],
  );
}
