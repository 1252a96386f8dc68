/** nginx's core variables about requests and connections; those of times and sizes are in the log module. */
import { realpathSync } from 'node:fs';
import { parseSize } from '../../config/units.js';
import { errnoText } from '../../diagnostics/errno.js';
import { LINE_AT_VERSION, LINE_READ } from '../../exchange/engine-exchange.js';
import { httpExchange } from '../../exchange/exchange.js';
import { documentRoot, filePath } from '../../exchange/file-path.js';
import { nativePath } from '../../files/native-path.js';
import { basicCredentials, sentCredentials } from '../../http/basic-credentials.js';
import { Field } from '../../http/field-names.js';
import { NGINX_VERSION } from '../../http/software.js';
import { binaryAddress } from '../../net/binary-address.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import type { VariableSpec } from '../../program/variable-spec.js';
import { proxyProtocolVariables } from './proxy-protocol.js';
import { localHostName } from './server-name.js';

/** Formats a port as nginx does: an empty string if there is none. */
function port(number: number): string {
  return number > 0 ? String(number) : '';
}

/** Port of the requested host, from the request line or otherwise from the Host field; empty if there is none. */
function requestPort(x: Exchange): string {
  if (x.host === '') return '';
  const [, absolute, connect] =
    /^(?:[^ ]+ +[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?# ]*)|CONNECT +([^ ]*))/.exec(x.requestLine) ?? [];
  const authority = absolute ?? connect ?? x.headers.valueOf(Field.Host) ?? '';
  return /:([0-9]+)$/.exec(authority)?.[1]?.replace(/^0+/, '') ?? '';
}

function contentLength(x: Exchange): string | undefined {
  const field = x.headers.valueOf(Field.ContentLength);
  if (field !== undefined) return field;
  // The length of a chunked body is known after it has been read.
  return x.contentLength !== 0 && x.body !== null ? String(x.body.length) : undefined;
}

/**
 * Protocol version as sent by the client; undefined if the request line has none (HTTP/0.9) or has not been parsed up to
 * it. Empty if the line ends within it.
 */
function protocol(x: Exchange): string | undefined {
  const { lineProgress } = httpExchange(x);
  if (lineProgress !== LINE_READ) return lineProgress === LINE_AT_VERSION ? '' : undefined;
  if (x.version === 9) return undefined;
  if (x.version === 20) return 'HTTP/2.0';
  // Targets contain no spaces, so the version follows the last space before `HTTP/`.
  const at = x.requestLine.lastIndexOf(' HTTP/');
  return at < 0 ? undefined : x.requestLine.slice(at + 1);
}

/** Undefined before the request line is complete; GET for an error page that replaces the response. */
/** As in nginx, subrequests have the method of the client's request here. */
function method({ main: x }: Exchange): string | undefined {
  return httpExchange(x).lineProgress === LINE_READ || (x.uri !== '' && x.method === 'GET') ? x.method : undefined;
}

function uri(x: Exchange): string | undefined {
  return x.uri === '' && httpExchange(x).lineProgress !== LINE_READ ? undefined : x.uri;
}

/** Value of an argument; its name is case-insensitive. As in nginx, the value is not unescaped. */
function argument(args: string, name: string): string | undefined {
  for (let start = 0; start < args.length; ) {
    const ampersand = args.indexOf('&', start);
    const end = ampersand < 0 ? args.length : ampersand;
    const at = start + name.length;
    if (at < end && args[at] === '=' && args.slice(start, at).toLowerCase() === name) return args.slice(at + 1, end);
    start = end + 1;
  }
  return undefined;
}

function realpathRoot(x: Exchange): string | undefined {
  const path = documentRoot(x);
  try {
    return realpathSync(nativePath(path), 'latin1' as BufferEncoding);
  } catch (error) {
    logError(x, 'crit', `realpath() "${path}" failed (${errnoText(error)})`);
    return undefined;
  }
}

function requestBody(x: Exchange): string | undefined {
  const bytes = x.body?.memory ?? null;
  return bytes === null || bytes.length === 0 ? undefined : bytes.latin1Slice(0, bytes.length);
}

function setLimitRate(x: Exchange, value: string): void {
  const rate = parseSize(value);
  if (rate === null) logError(x, 'error', `invalid $limit_rate "${value}"`);
  else x.limitRate = rate;
}

function setArgs(exchange: Exchange, value: string): void {
  const x = httpExchange(exchange);
  x.args = value;
  x.uriUnchanged = false;
}

/** nginx's "not found": the variable has no value here. */
const absent = (): undefined => undefined;
const NO_TCP_INFO = 'It is empty: Node.js has no interface to TCP_INFO.';

function undefinedIfEmpty(value: string): string | undefined {
  return value === '' ? undefined : value;
}

export const coreVariables: Readonly<Record<string, VariableSpec>> = {
  // -- the request
  request: { get: (x) => undefinedIfEmpty(x.requestLine), doc: 'Request line as received.' },
  request_method: { get: method, doc: 'The method, such as `GET`.' },
  request_uri: { get: (x) => undefinedIfEmpty(x.target), doc: 'Request target with arguments as sent by the client.' },
  uri: { get: uri, doc: 'Current path: decoded, normalized, and changed by rewrites.' },
  document_uri: { get: uri, doc: 'The same as `$uri`.' },
  args: {
    get: (x) => undefinedIfEmpty(x.args),
    set: setArgs,
    changeable: true,
    doc: 'The arguments, without `?`. `set` changes them.',
  },
  query_string: { get: (x) => undefinedIfEmpty(x.args), doc: 'The same as `$args`.' },
  is_args: { get: (x) => (x.args === '' ? '' : '?'), doc: '`?` if there are arguments, otherwise empty.' },
  'arg_*': { family: (name) => (x) => argument(x.args, name), doc: 'Argument with this name.' },
  server_protocol: { get: protocol, doc: 'Protocol version, such as `HTTP/1.1`.' },
  content_length: { get: contentLength, doc: 'Length of the request body.' },
  content_type: { get: (x) => x.headers.joined('content-type'), doc: 'The `Content-Type` of the request.' },
  request_body: { get: requestBody, doc: 'Request body if it has been read and is in memory.' },
  request_body_file: {
    get: (x) => x.body?.file ?? undefined,
    doc: 'File that contains the request body if it does not fit into memory.',
  },
  request_completion: {
    get: (x) => {
      const { completed, cutByUpstream } = httpExchange(x).follows ?? httpExchange(x);
      return completed || cutByUpstream ? 'OK' : '';
    },
    doc: '`OK` if the response was sent completely, or as far as the upstream sent it before it closed the connection.',
  },
  request_id: {
    // The global `crypto` loads node:crypto on first use instead of at start.
    get: () => Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex'),
    cached: true,
    doc: '32 random hexadecimal digits.',
  },
  remote_user: {
    get: (x) => basicCredentials(sentCredentials(x))?.user,
    doc: 'User name of the Basic authentication credentials.',
  },

  // -- server and location
  host: {
    get: (x) => (x.host === '' ? x.server.name : x.host),
    doc: 'Requested host, in lower case without port; otherwise the name of the server.',
  },
  request_port: { get: requestPort, doc: 'Requested port, if any.' },
  is_request_port: {
    get: (x) => (requestPort(x) === '' ? '' : ':'),
    doc: '`:` if the request contains a port, otherwise empty.',
  },
  server_name: { get: (x) => x.server.name, doc: 'First name of the server that handles the request.' },
  document_root: { get: documentRoot, doc: 'Value of `root` or `alias` for the request.' },
  realpath_root: { get: realpathRoot, doc: '`$document_root` with symbolic links resolved.' },
  request_filename: {
    get: (x) => filePath(x)?.path,
    doc: 'File path of the request, constructed from `root` or `alias` and the URI.',
  },
  limit_rate: {
    get: (x) => String(Math.max(0, x.limitRate)),
    set: setLimitRate,
    changeable: true,
    doc: 'Rate limit of the response in bytes per second; `set` changes it.',
  },

  // -- the connection
  scheme: { get: (x) => (x.client.secure ? 'https' : 'http'), doc: '`http` or `https`.' },
  https: { get: (x) => (x.client.secure ? 'on' : ''), doc: '`on` if the connection uses TLS, otherwise empty.' },
  remote_addr: { get: (x) => x.remoteAddress, doc: 'The address of the client.' },
  remote_port: { get: (x) => port(x.remotePort), doc: 'The port of the client.' },
  binary_remote_addr: {
    get: (x) => binaryAddress(x.remoteAddress),
    doc: 'The address of the client as 4 or 16 bytes.',
  },
  server_addr: { get: (x) => x.client.localAddress, doc: 'Local address of the connection.' },
  server_port: { get: (x) => port(x.client.localPort), doc: 'Local port of the connection.' },
  connection: { get: (x) => String(x.client.id), doc: 'The serial number of the connection.' },
  connection_requests: {
    get: (x) => String(x.client.requests),
    doc: 'The number of requests on the connection so far.',
  },
  connection_time: {
    get: (x) => (Math.max(0, Date.now() - x.client.since) / 1000).toFixed(3),
    doc: 'The age of the connection in seconds, with milliseconds.',
  },
  ...proxyProtocolVariables,
  tcpinfo_rtt: { get: absent, doc: 'The round trip time of the connection in nginx.', differs: NO_TCP_INFO },
  tcpinfo_rttvar: {
    get: absent,
    doc: 'The variance of the round trip time of the connection in nginx.',
    differs: NO_TCP_INFO,
  },
  tcpinfo_snd_cwnd: { get: absent, doc: 'The congestion window of the connection in nginx.', differs: NO_TCP_INFO },
  tcpinfo_rcv_space: { get: absent, doc: 'The receive window of the connection in nginx.', differs: NO_TCP_INFO },

  // -- the process
  hostname: { get: localHostName, cached: true, doc: 'The name of this machine.' },
  config_generation: {
    get: (x) => String(x.generation),
    doc: 'Number of the configuration under which the request began: 1 at start, incremented by each reload. It does not change during a request or tunnel.',
  },
  pid: { get: () => String(process.pid), doc: 'Process ID.' },
  nginx_version: { get: () => NGINX_VERSION, doc: 'Version of nginx whose behavior is followed.' },
};
