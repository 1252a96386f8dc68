/** nginx's core variables about requests and connections; those about time and sizes are with the access log. */
import { realpathSync } from 'node:fs';
import { parseSize } from '../../config/units.js';
import { errnoText } from '../../diagnostics/errno.js';
import { logError } from '../../exchange/error-context.js';
import { type Exchange, LINE_AT_VERSION, LINE_READ } from '../../exchange/exchange.js';
import { documentRoot, filePath, nativePath } from '../../exchange/file-path.js';
import { NGINX_VERSION } from '../../exchange/software.js';
import type { VariableSpec } from '../../exchange/variable.js';
import { basicUser } from '../../http/basic-credentials.js';
import { binaryAddress } from '../../http/binary-address.js';
import { Field } from '../../http/field-names.js';
import { ownName } from './server-name.js';

/** A port as nginx shows it: nothing where there is none. */
function port(number: number): string {
  return number > 0 ? String(number) : '';
}

/** The port of the accepted host, from the request line or else from the Host field; empty where it has none. */
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
  // The length of a chunked body is known when it was read.
  return x.contentLength < 0 && x.body !== null ? String(x.body.length) : undefined;
}

/**
 * The version as the client wrote it; none where the request line has none (HTTP/0.9) or was not read so far. Empty where
 * the line ends in it.
 */
function protocol(x: Exchange): string | undefined {
  if (x.lineProgress !== LINE_READ) return x.lineProgress === LINE_AT_VERSION ? '' : undefined;
  if (x.version === 9) return undefined;
  // No target has a space, so the version is what stands behind the last one that a name follows.
  const at = x.requestLine.lastIndexOf(' HTTP/');
  return at < 0 ? undefined : x.requestLine.slice(at + 1);
}

/** None before the request line is complete; GET for a page that takes the place of the answer. */
function method(x: Exchange): string | undefined {
  return x.lineProgress === LINE_READ || (x.uri !== '' && x.method === 'GET') ? x.method : undefined;
}

function uri(x: Exchange): string | undefined {
  return x.uri === '' && x.lineProgress !== LINE_READ ? undefined : x.uri;
}

/** The value of an argument, its name compared without regard to case. Not unescaped, as in nginx. */
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

function realRoot(x: Exchange): string | undefined {
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

/** nginx's "not found": there is no such thing here. */
const absent = (): undefined => undefined;

function orNothing(value: string): string | undefined {
  return value === '' ? undefined : value;
}

export const coreVariables: Readonly<Record<string, VariableSpec>> = {
  // -- the request
  request: { get: (x) => orNothing(x.requestLine), doc: 'The request line as it came.' },
  request_method: { get: method, doc: 'The method, such as `GET`.' },
  request_uri: { get: (x) => orNothing(x.target), doc: 'The URI with its arguments as the client wrote it.' },
  uri: { get: uri, doc: 'The path as it is now: decoded, normalised, and changed by rewrites.' },
  document_uri: { get: uri, doc: 'The same as `$uri`.' },
  args: {
    get: (x) => orNothing(x.args),
    set: (x, value) => {
      x.args = value;
      x.uriUnchanged = false;
    },
    changeable: true,
    doc: 'The arguments, without `?`. `set` changes them.',
  },
  query_string: { get: (x) => orNothing(x.args), doc: 'The same as `$args`.' },
  is_args: { get: (x) => (x.args === '' ? '' : '?'), doc: '`?` where there are arguments, otherwise empty.' },
  'arg_*': { family: (name) => (x) => argument(x.args, name), doc: 'One argument by its name.' },
  server_protocol: { get: protocol, doc: 'The version of HTTP, such as `HTTP/1.1`.' },
  content_length: { get: contentLength, doc: 'The length of the body of the request.' },
  content_type: { get: (x) => x.headers.joined('content-type'), doc: 'The `Content-Type` of the request.' },
  request_body: { get: requestBody, doc: 'The body of the request, where it was read and is in memory.' },
  request_body_file: {
    get: (x) => x.body?.file ?? undefined,
    doc: 'The file that holds the body of the request, where it does not fit into memory.',
  },
  request_completion: {
    get: (x) => (x.completed || x.cutByUpstream ? 'OK' : ''),
    doc: '`OK` when all of the answer was sent that could be had: also where an upstream ended in the middle of it.',
  },
  request_id: {
    // The global object loads node:crypto when it is first asked for, not at each start of the command.
    get: () => Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex'),
    cached: true,
    doc: '32 random hexadecimal digits.',
  },
  remote_user: {
    get: (x) => basicUser(x.headers.valueOf(Field.Authorization)),
    doc: 'The name of the user in the credentials of Basic authentication.',
  },

  // -- where it is handled
  host: {
    get: (x) => (x.host === '' ? x.server.name : x.host),
    doc: 'The host that was asked for, in lower case without port; else the name of the server.',
  },
  request_port: { get: requestPort, doc: 'The port that was asked for, where one was.' },
  is_request_port: {
    get: (x) => (requestPort(x) === '' ? '' : ':'),
    doc: '`:` where a port was asked for, otherwise empty.',
  },
  server_name: { get: (x) => x.server.name, doc: 'The first name of the server that handles the request.' },
  document_root: { get: documentRoot, doc: 'The value of `root` or `alias` for the request.' },
  realpath_root: { get: realRoot, doc: 'The same with symbolic links resolved.' },
  request_filename: {
    get: (x) => filePath(x)?.path,
    doc: 'The path of the file for the request, made of `root` or `alias` and the URI.',
  },
  limit_rate: {
    get: (x) => String(Math.max(0, x.limitRate)),
    set: setLimitRate,
    changeable: true,
    doc: 'The rate of the answer in bytes per second; `set` changes it.',
  },

  // -- the connection
  scheme: { get: (x) => (x.client.secure ? 'https' : 'http'), doc: '`http` or `https`.' },
  https: { get: (x) => (x.client.secure ? 'on' : ''), doc: '`on` where the connection uses TLS, otherwise empty.' },
  remote_addr: { get: (x) => x.remoteAddress, doc: 'The address of the client.' },
  remote_port: { get: (x) => port(x.remotePort), doc: 'The port of the client.' },
  binary_remote_addr: {
    get: (x) => binaryAddress(x.remoteAddress),
    doc: 'The address of the client as 4 or 16 bytes.',
  },
  server_addr: { get: (x) => x.client.localAddress, doc: 'The address at which the connection arrived.' },
  server_port: { get: (x) => port(x.client.localPort), doc: 'The port at which the connection arrived.' },
  connection: { get: (x) => String(x.client.id), doc: 'The serial number of the connection.' },
  connection_requests: {
    get: (x) => String(x.client.requests),
    doc: 'The number of requests on the connection so far.',
  },
  connection_time: {
    get: (x) => (Math.max(0, Date.now() - x.client.since) / 1000).toFixed(3),
    doc: 'The age of the connection in seconds, with milliseconds.',
  },
  proxy_protocol_addr: { get: absent, doc: 'The address of the client from the PROXY protocol, which is not read.' },
  proxy_protocol_port: { get: absent, doc: 'The port of the client from the PROXY protocol, which is not read.' },
  proxy_protocol_server_addr: { get: absent, doc: 'The server address from the PROXY protocol, which is not read.' },
  proxy_protocol_server_port: { get: absent, doc: 'The server port from the PROXY protocol, which is not read.' },
  'proxy_protocol_tlv_*': { family: () => absent, doc: 'A value from the PROXY protocol, which is not read.' },
  tcpinfo_rtt: { get: absent, doc: 'In nginx, the round trip time of the connection; Node.js does not tell it.' },
  tcpinfo_rttvar: { get: absent, doc: 'In nginx, the variance of that time; Node.js does not tell it.' },
  tcpinfo_snd_cwnd: { get: absent, doc: 'In nginx, the congestion window; Node.js does not tell it.' },
  tcpinfo_rcv_space: { get: absent, doc: 'In nginx, the receive window; Node.js does not tell it.' },

  // -- the process
  hostname: { get: ownName, cached: true, doc: 'The name of this machine.' },
  config_generation: {
    get: (x) => String(x.generation),
    doc: 'The number of the configuration with which the request began: 1 at the start, and one more with each reload. A request or tunnel keeps it.',
  },
  pid: { get: () => String(process.pid), doc: 'The id of the process.' },
  nginx_version: { get: () => NGINX_VERSION, doc: 'The version of nginx whose behaviour is followed.' },
};
