/** Passes requests of servers on `node:http` to the proxy, and its responses to their clients. */
import { type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Transport, TransportOwner } from '../net/transport.js';
import type { MemoryClient } from '../server/server.js';
import { MemoryStream } from './memory-stream.js';
import type { MiddlewareOptions, ProxyMiddleware } from './middleware.js';
import { bodyAgain } from './parsed-body.js';

/** Opens a connection to the proxy. Throws if it is not running. */
export type ConnectClient = (owner: TransportOwner, client: MemoryClient, key: string | null) => Transport;

/** Request with the fields that frameworks add. */
type FrameworkRequest = IncomingMessage & { readonly originalUrl?: string; readonly body?: unknown };

/** Fields of a request that belong to its connection with the server. An upgrade is not passed here, but to `upgrade`. */
const CONNECTION_FIELDS = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

export function createMiddleware(connect: ConnectClient, options: MiddlewareOptions = {}): ProxyMiddleware {
  const { filter, stripMountPath = false } = options;
  const key = options.listen ?? null;

  const targetOf = (req: FrameworkRequest): string => (stripMountPath ? req.url : (req.originalUrl ?? req.url)) ?? '/';
  const isFor = (req: FrameworkRequest): boolean => {
    if (filter === undefined) return true;
    if (typeof filter === 'function') return filter(req);
    const target = targetOf(req);
    return (typeof filter === 'string' ? [filter] : filter).some((prefix) => target.startsWith(prefix));
  };
  const open = (req: IncomingMessage): MemoryStream =>
    new MemoryStream((owner) => connect(owner, clientOf(req.socket), key));

  const middleware = (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void => {
    if (!isFor(req)) {
      if (next !== undefined) next();
      else res.writeHead(404).end();
      return;
    }
    let stream: MemoryStream;
    try {
      stream = open(req);
    } catch (error) {
      if (next !== undefined) next(error);
      else res.writeHead(503).end();
      return;
    }
    forward(req, res, targetOf(req), stream);
  };
  const upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (!isFor(req)) return;
    let stream: MemoryStream;
    try {
      stream = open(req);
    } catch {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
      return;
    }
    join(req, socket, targetOf(req), head, stream);
  };
  return Object.assign(middleware, { upgrade });
}

function clientOf(socket: Socket): MemoryClient {
  const { remoteAddress = '', remotePort = 0 } = socket;
  return {
    // An IPv4 client of a socket that listens on all addresses.
    address: remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress,
    port: remotePort,
    secure: 'encrypted' in socket && socket.encrypted === true,
  };
}

/** Field lines as pairs, without those for which `skip` returns true. */
function fieldsOf(raw: readonly string[], skip: (name: string) => boolean): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = '', value = ''] = raw.slice(i, i + 2);
    if (!skip(name.toLowerCase())) pairs.push([name, value]);
  }
  return pairs;
}

/** The fields of a request without those of its connection. HTTP/2 has pseudo-header fields in addition. */
function requestFields(req: IncomingMessage): [string, string][] {
  const named = new Set(membersOf(req.headers.connection));
  const fields = fieldsOf(
    req.rawHeaders,
    (name) => name.startsWith(':') || CONNECTION_FIELDS.has(name) || named.has(name),
  );
  const { ':authority': authority } = req.headers;
  if (typeof authority === 'string' && req.headers.host === undefined) fields.unshift(['Host', authority]);
  return fields;
}

function membersOf(value = ''): string[] {
  return value.split(',').map((member) => member.trim().toLowerCase());
}

/** Sends a request to the proxy, and its response to the client. */
function forward(req: FrameworkRequest, res: ServerResponse, path: string, stream: MemoryStream): void {
  const fields = requestFields(req);
  const body = bodyAgain(req);
  if (body !== null) {
    const without = fields.filter(([name]) => name.toLowerCase() !== 'content-length');
    fields.splice(0, fields.length, ...without, ['Content-Length', String(body.length)]);
  } else if (req.headers['transfer-encoding'] !== undefined) fields.push(['Transfer-Encoding', 'chunked']);
  const outgoing = sendRequest({
    method: req.method ?? 'GET',
    path,
    headers: [...fields, ['Connection', 'close']].flat(),
    setHost: false,
    createConnection: () => stream,
  });
  outgoing.on('response', (response) => relay(response, res));
  outgoing.on('error', () => res.destroy());
  res.once('close', () => {
    if (!res.writableFinished) outgoing.destroy();
  });
  if (body !== null) outgoing.end(body);
  else req.pipe(outgoing);
}

function relay(response: IncomingMessage, res: ServerResponse): void {
  const http1 = res.req.httpVersionMajor < 2;
  const fields = fieldsOf(
    response.rawHeaders,
    (name) =>
      name === 'connection' || name === 'keep-alive' || name === 'transfer-encoding' || (!http1 && name === 'upgrade'),
  );
  res.sendDate = false;
  for (const [name, value] of fields) res.appendHeader(name, value);
  if (http1 && response.statusMessage !== undefined) res.statusMessage = response.statusMessage;
  res.statusCode = response.statusCode ?? 502;
  response.once('error', () => res.destroy());
  response.once('end', () => {
    const trailers = fieldsOf(response.rawTrailers, () => false);
    if (trailers.length > 0) res.addTrailers(trailers);
  });
  if (response.headers['content-length'] === undefined) res.flushHeaders();
  response.pipe(res);
}

/** Connects the client with the proxy after sending it the head of the request. */
function join(req: IncomingMessage, socket: Duplex, path: string, head: Buffer, stream: MemoryStream): void {
  const lines = fieldsOf(req.rawHeaders, () => false).map(([name, value]) => `${name}: ${value}\r\n`);
  stream.write(Buffer.from(`${req.method} ${path} HTTP/${req.httpVersion}\r\n${lines.join('')}\r\n`, 'latin1'));
  if (head.length > 0) stream.write(head);
  const end = (): void => {
    stream.destroy();
    socket.destroy();
  };
  for (const side of [socket, stream]) {
    side.on('error', end);
    side.on('close', end);
  }
  socket.pipe(stream);
  stream.pipe(socket);
}
