/** Passes requests of servers on `node:http` to the proxy, and its responses to their clients. */
import { type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Transport, TransportOwner } from '../net/transport.js';
import { TransportStream } from '../net/transport-stream.js';
import type { MemoryClient } from '../server/server.js';
import type { MiddlewareOptions, ProxyMiddleware } from './middleware.js';
import { serializedBody } from './parsed-body.js';

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

/** ms that a client has to close its connection after the proxy has; the default of `lingering_timeout`. */
const LINGERING_TIMEOUT = 5000;

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
  const open = (req: IncomingMessage): TransportStream =>
    new TransportStream((owner) => connect(owner, clientOf(req.socket), key));

  const middleware = (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void => {
    if (!isFor(req)) {
      if (next !== undefined) next();
      else res.writeHead(404).end();
      return;
    }
    // The client has disconnected while another middleware was waiting.
    if (res.destroyed) return;
    let stream: TransportStream | null = null;
    try {
      stream = open(req);
      forward(req, res, targetOf(req), stream);
    } catch (error) {
      stream?.destroy();
      if (next !== undefined) next(error);
      else res.writeHead(503).end();
    }
  };
  const upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (!isFor(req)) return;
    let stream: TransportStream;
    try {
      stream = open(req);
    } catch {
      // Node has removed its own listener; a reset would be an uncaught exception.
      socket.on('error', () => socket.destroy());
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
      return;
    }
    join(req, socket, targetOf(req), head, stream);
  };
  return Object.assign(middleware, { upgrade });
}

function clientOf(socket: Socket): MemoryClient {
  const { remoteAddress = '', remotePort = 0 } = socket;
  return { address: remoteAddress, port: remotePort, secure: 'encrypted' in socket && socket.encrypted === true };
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
  const { cookie } = req.headers;
  if (req.httpVersionMajor < 2 || cookie === undefined) return fields;
  // HTTP/2 may split the field, HTTP/1.1 has only one (RFC 9113 8.2.3).
  return [...fields.filter(([name]) => name !== 'cookie'), ['Cookie', cookie]];
}

function membersOf(value = ''): string[] {
  return value.split(',').map((member) => member.trim().toLowerCase());
}

/** Whether a request has a body without `Content-Length`: HTTP/2 does not require it. */
function hasUnknownLength(req: FrameworkRequest): boolean {
  if (req.headers['transfer-encoding'] !== undefined) return true;
  const { stream } = req as { readonly stream?: { readonly endAfterHeaders: boolean } };
  return stream?.endAfterHeaders === false && req.headers['content-length'] === undefined;
}

/** The fields of a request. `body`: the body that was read before, or null. Throws if a body was read that is not available. */
function framedFields(req: FrameworkRequest, body: Buffer | null): [string, string][] {
  const fields = requestFields(req);
  if (body !== null) {
    // Parsers decompress bodies.
    const without = fields.filter(([name]) => !/^content-(?:length|encoding)$/i.test(name));
    return [...without, ['Content-Length', String(body.length)]];
  }
  const unknownLength = hasUnknownLength(req);
  if (req.readableEnded && (unknownLength || Number(req.headers['content-length'] ?? 0) > 0)) {
    throw new Error('the body of the request was read before the proxy received it');
  }
  return unknownLength ? [...fields, ['Transfer-Encoding', 'chunked']] : fields;
}

/** Sends a request to the proxy, and its response to the client. Throws if the request cannot be sent. */
function forward(req: FrameworkRequest, res: ServerResponse, path: string, stream: TransportStream): void {
  const body = serializedBody(req);
  const outgoing = sendRequest({
    method: req.method ?? 'GET',
    path,
    headers: [...framedFields(req, body), ['Connection', 'close']].flat(),
    setHost: false,
    createConnection: () => stream,
  });
  let received: IncomingMessage | null = null;
  outgoing.on('response', (response) => {
    received = response;
    response.once('error', () => res.destroy());
    try {
      relay(response, res);
    } catch {
      outgoing.destroy();
      refuse(res);
    }
  });
  outgoing.on('error', () => res.destroy());
  res.once('close', () => {
    if (received?.complete === true && req.readableEnded) return;
    // The client has disconnected, the program has responded itself, or the response has ended before the request's body: the
    // rest of the body is read, because the next request follows it.
    req.unpipe(outgoing);
    req.resume();
    outgoing.destroy();
  });
  if (body !== null) outgoing.end(body);
  else req.pipe(outgoing);
}

/** Responds 502 to a response that the server cannot send, unless the program has responded itself. */
function refuse(res: ServerResponse): void {
  if (res.headersSent || res.destroyed) return;
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  if (res.req.httpVersionMajor < 2) res.writeHead(502, 'Bad Gateway').end();
  else res.writeHead(502).end();
}

/** Throws if the server cannot send the response. */
function relay(response: IncomingMessage, res: ServerResponse): void {
  const http1 = res.req.httpVersionMajor < 2;
  const fields = fieldsOf(
    response.rawHeaders,
    (name) =>
      name === 'connection' || name === 'keep-alive' || name === 'transfer-encoding' || (!http1 && name === 'upgrade'),
  );
  if (res.headersSent) throw new Error('the program has responded itself');
  res.sendDate = false;
  for (const [name, value] of fields) res.appendHeader(name, value);
  const { statusCode = 502, statusMessage } = response;
  if (http1 && statusMessage !== undefined) res.writeHead(statusCode, statusMessage);
  else res.writeHead(statusCode);
  response.once('end', () => {
    const trailers = fieldsOf(response.rawTrailers, () => false);
    if (trailers.length > 0) res.addTrailers(trailers);
  });
  if (response.headers['content-length'] === undefined) res.flushHeaders();
  response.pipe(res);
}

/** Closes a connection when its last bytes have been sent, and the client has closed or had time to. */
function linger(socket: Duplex): void {
  socket.resume();
  const wait = (): void => {
    const timer = setTimeout(() => socket.destroy(), LINGERING_TIMEOUT).unref();
    socket.once('close', () => clearTimeout(timer));
  };
  if (socket.writableFinished) wait();
  else socket.once('finish', wait);
}

/** Connects the client with the proxy after sending it the head of the request. */
function join(req: IncomingMessage, socket: Duplex, path: string, head: Buffer, stream: TransportStream): void {
  const lines = fieldsOf(req.rawHeaders, () => false).map(([name, value]) => `${name}: ${value}\r\n`);
  stream.write(Buffer.from(`${req.method} ${path} HTTP/${req.httpVersion}\r\n${lines.join('')}\r\n`, 'latin1'));
  if (head.length > 0) stream.write(head);
  socket.on('error', () => stream.destroy());
  socket.on('close', () => stream.destroy());
  stream.on('error', () => socket.destroy());
  stream.on('close', () => {
    if (stream.readableEnded) linger(socket);
    else socket.destroy();
  });
  socket.pipe(stream);
  stream.pipe(socket);
}
