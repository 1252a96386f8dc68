/** The text that `tsproxy init` writes: directives with comments that say what they do. */
import { WEB_MEDIA_TYPES } from '../../http/web-media-types.js';
import { type Block, block, configurationText, type Line } from '../configuration-text.js';
import {
  HIDDEN_PATHS,
  type MachineFacts,
  REDIRECT_TO_TLS,
  REQUESTED_HOST,
  verifiedTls,
} from '../forward/configuration.js';
import { groupServers, type Loopback } from '../forward/group-servers.js';
import { isAddress, type ServerTarget } from '../forward/target.js';
import { UsageError } from '../usage-error.js';
import type { InitPlan } from './plan.js';

/** Name of the group of servers. */
const GROUP = 'app';

/**
 * The text in the layout of `tsproxy fmt`. Bytes.
 *
 * @param file name of the file, for the comment that says how to use it
 */
export function startingFile(plan: InitPlan, facts: MachineFacts, file: string): string {
  const { servers, directory } = plan;
  const http: Line[] = [
    'Responses and error pages do not name the version.',
    ['server_tokens', 'off'],
    '',
    'Each request is a line of this file; the directory must exist.',
    'access_log logs/access.log;',
  ];
  if (directory !== null) {
    http.push(
      '',
      'Media types by the extensions of files.',
      ['default_type', 'application/octet-stream'],
      block(['types'], WEB_MEDIA_TYPES),
      '',
      'Text is compressed if the client accepts it.',
      ['gzip', 'on'],
      ['gzip_vary', 'on'],
      [
        'gzip_types',
        'text/css',
        'text/javascript',
        'text/plain',
        'application/json',
        'application/wasm',
        'image/svg+xml',
      ],
    );
  }
  if (servers.length > 0) http.push('', ...group(servers, facts.loopback));
  http.push('', server(plan, facts));
  return configurationText([
    'Written by "tsproxy init". To use it:',
    `  tsproxy -t -c ${file}          test it`,
    `  tsproxy -c ${file}             start`,
    `  tsproxy -c ${file} -s reload   apply changes`,
    '"tsproxy help NAME" explains a directive.',
    '',
    'One worker process for each processor.',
    ['worker_processes', 'auto'],
    '',
    block(['events'], ['Connections of each worker, those to upstreams included.', ['worker_connections', '1024']]),
    '',
    block(['http'], http),
  ]);
}

function group(servers: readonly ServerTarget[], loopback: Loopback): Line[] {
  const [comment, lines] = groupLines(servers, loopback);
  return [comment, block(['upstream', GROUP], ['State that all workers share.', ['zone', GROUP, '64k'], ...lines])];
}

/** A comment, and the directives `server`. */
function groupLines(servers: readonly ServerTarget[], loopback: Loopback): [comment: string, lines: readonly Line[]] {
  const [only] = servers;
  if (servers.length === 1 && only !== undefined && !isAddress(only)) {
    const comment =
      'The application. With several servers, leave out "max_fails=0", so that one that fails is avoided.';
    return [comment, groupServers(only, loopback)];
  }
  const lines = servers.map(({ address }) => ['server', address] as const);
  return servers.length === 1
    ? ['The application. Further servers share the requests.', lines]
    : ['The servers of the application, which get requests in turn. One that fails is avoided for ten seconds.', lines];
}

function server(plan: InitPlan, { certificate, authorities }: MachineFacts): Block {
  const { port, isPublic, names, servers, directory } = plan;
  const parameters = certificate === null ? [] : ['ssl'];
  const lines: Line[] = [];
  if (isPublic) {
    lines.push(
      `All machines can connect. For this one only: listen ${[`127.0.0.1:${port}`, ...parameters].join(' ')};`,
      ['listen', String(port), ...parameters],
      ['listen', `[::]:${port}`, ...parameters],
    );
  } else {
    lines.push(`Only programs on this machine can connect. For all: listen ${[port, ...parameters].join(' ')};`, [
      'listen',
      `127.0.0.1:${port}`,
      ...parameters,
    ]);
  }
  if (names.length > 0) lines.push(['server_name', ...names]);
  if (certificate !== null) {
    lines.push(
      '',
      ...(plan.tls === 'local'
        ? ['A certificate of the local CA ("tsproxy ca"), for this machine only. Replace it by one for your domain.']
        : []),
      ['http2', 'on'],
      ['ssl_certificate', certificate.certificate],
      ['ssl_certificate_key', certificate.key],
      '',
      'Requests without TLS to the same port are redirected.',
      REDIRECT_TO_TLS,
      '',
      'Browsers use TLS only, for this time; begin with a short one.',
      ['add_header', 'Strict-Transport-Security', 'max-age=300', 'always'],
    );
  }
  if (servers.length > 0)
    lines.push('', 'Larger request bodies are refused with 413.', ['client_max_body_size', '10m']);
  if (directory !== null) lines.push('', ...fileLocation(plan, directory));
  if (servers.length > 0) {
    lines.push('', block(['location', applicationLocation(plan)], passing(plan, authorities)));
  }
  return block(['server'], lines);
}

/** Location of the application: everything, what is not a file, or a prefix if a page decides about other paths. */
function applicationLocation({ directory, singlePage }: InitPlan): string {
  if (directory === null) return '/';
  return singlePage ? '/api/' : '@app';
}

/** Files; other requests lead to the application if there is one. */
function fileLocation({ singlePage, servers }: InitPlan, directory: string): Line[] {
  const last = singlePage ? '/index.html' : servers.length > 0 ? '@app' : '=404';
  const comment =
    servers.length > 0 && !singlePage
      ? 'Files of the directory; all other requests are for the application.'
      : singlePage
        ? 'Files of the directory; other paths are answered with the page, which decides about them.'
        : 'Files of the directory.';
  return [
    comment,
    block(
      ['location', '/'],
      [
        ['root', directory],
        // A directory without index.html would be a 403 before the application is asked.
        ['try_files', '$uri', ...(servers.length > 0 && !singlePage ? ['$uri/index.html'] : ['$uri/']), last],
        '',
        'Browsers ask whether a file has changed before they use it again.',
        ['expires', '-1'],
        '',
        block(['location', '~', HIDDEN_PATHS], ['Hidden files.', ['return', '404']]),
      ],
    ),
  ];
}

function passing({ servers, websocket, eventStream }: InitPlan, authorities: string | null): Line[] {
  const [first] = servers;
  if (first === undefined) return [];
  const lines: Line[] = [
    ['proxy_pass', `${first.scheme}://${GROUP}`],
    '',
    'The application sees the requested host, the address of the client, and whether TLS was used.',
    ['proxy_set_header', 'Host', REQUESTED_HOST],
    ['proxy_set_header', 'X-Forwarded-For', '$proxy_add_x_forwarded_for'],
    ['proxy_set_header', 'X-Forwarded-Proto', '$scheme'],
  ];
  if (first.scheme === 'https') lines.push('', ...verification(first, authorities));
  if (websocket) {
    lines.push(
      '',
      'WebSockets are passed on, and pinged so that lost connections are noticed.',
      ['proxy_websocket', 'on'],
      ['websocket_ping_interval', '30s'],
    );
  }
  if (eventStream) {
    lines.push(
      '',
      'Event streams may be silent for an hour; a comment is sent to the client now and then, so that nothing between closes them.',
      ['proxy_read_timeout', '1h'],
      ['sse_heartbeat', '15s'],
    );
  }
  return lines;
}

function verification(target: ServerTarget, authorities: string | null): Line[] {
  if (isAddress(target) || authorities === null) {
    throw new UsageError(
      `the certificate of "${target.address}" cannot be verified`,
      'Use a name instead of an address.',
    );
  }
  return ['The certificate of the application is verified.', ...verifiedTls(target, authorities)];
}
