/** Back end of all sites: HTTP, HTTPS and WebSockets on one port, with a record of the bytes of each request. */
import { IncomingMessage } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { type Authority, BackendConnection, type ReceivedRequest, until } from '../../test/kit/index.js';

/** First byte of a TLS handshake. */
const HANDSHAKE = 0x16;
const STYLES = 'p { margin: 0; color: #333 }\n'.repeat(80);
const VIDEO = '0123456789'.repeat(100);

function response(status: string, fields: readonly string[], body: string): string {
  return `HTTP/1.1 ${status}\r\n${[...fields, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`;
}
const HTML = 'Content-Type: text/html; charset=utf-8';

/** Responses by the value of `reply` in the query. */
const REPLIES: Readonly<Record<string, (request: ReceivedRequest) => string>> = {
  missing: () => response('404 Not Found', [HTML], '<h1>no such page</h1>'),
  broken: () => response('500 Internal Server Error', [HTML], '<h1>broken</h1>'),
  refused: () => response('401 Unauthorized', [HTML, 'WWW-Authenticate: Basic realm="app"'], '<h1>who?</h1>'),
  styles: () =>
    response(
      '200 OK',
      [
        'X-Before: 1',
        'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT',
        'Content-Type: text/css',
        'ETag: "s"',
        'X-After: 1',
      ],
      STYLES,
    ),
  json: () =>
    response('200 OK', ['Content-Type: application/json', 'Cache-Control: no-cache'], `[${'{"a":1},'.repeat(300)}{}]`),
  cookies: () =>
    response(
      '200 OK',
      ['Set-Cookie: a=1; Path=/; HttpOnly', HTML, 'Set-Cookie: b=2; Path=/app; Secure; SameSite=Lax', 'X-After: 1'],
      'ok',
    ),
  policies: () =>
    response(
      '200 OK',
      [
        HTML,
        'X-Frame-Options: DENY',
        'X-Content-Type-Options: nosniff',
        'Referrer-Policy: no-referrer',
        'X-XSS-Protection: 0',
        'ETag: "abc"',
        'Strict-Transport-Security: max-age=1',
        'X-Powered-By: back end',
        'Server: back end/1.0',
      ],
      'ok',
    ),
  redirect: (request) =>
    response('302 Found', ['X-Before: 1', `Location: http://${request.field('host')}/elsewhere?a=1`, 'X-After: 1'], ''),
  relative: () => response('301 Moved Permanently', ['Location: /login', 'X-After: 1'], ''),
  range: (request) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.field('range') ?? '') ?? [];
    const fields = ['Content-Type: video/mp4', 'Accept-Ranges: bytes', 'ETag: "v1"', 'X-After: 1'];
    if (first === undefined) return response('200 OK', fields, VIDEO);
    const end = Math.min(Number(last) + 1, VIDEO.length);
    const range = `Content-Range: bytes ${first}-${end - 1}/${VIDEO.length}`;
    return response('206 Partial Content', [range, ...fields], VIDEO.slice(Number(first), end));
  },
  unchanged: () => 'HTTP/1.1 304 Not Modified\r\nETag: "abc"\r\nCache-Control: max-age=60\r\n\r\n',
  empty: () => 'HTTP/1.1 204 No Content\r\nX-Empty: yes\r\n\r\n',
  chunks: () =>
    `HTTP/1.1 200 OK\r\n${HTML}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n`,
  close: () => `HTTP/1.1 200 OK\r\n${HTML}\r\nConnection: close\r\n\r\nup to the end`,
  large: () => response('200 OK', ['Content-Type: application/octet-stream'], 'x'.repeat(300_000)),
  sendfile: () =>
    response('200 OK', ['X-Accel-Redirect: /downloads/backups/archive.tar.gz', 'Content-Type: application/gzip'], ''),
  identified: (request) => {
    const known = /(?:session|nginxauth)=ann/.test(request.field('cookie') ?? '');
    const fields = [
      'Remote-User: ann',
      'Remote-Email: ann@example.com',
      'Remote-Groups: users',
      'Set-Cookie: seen=1; Path=/',
    ];
    return known
      ? response('200 OK', fields, '')
      : response(
          '401 Unauthorized',
          ['Location: https://login.example.com/?rd=x', 'Set-Cookie: login=1'],
          '<a href="/">log in</a>',
        );
  },
};

/** Requests of authentication servers have paths of their own, and no query. */
const IDENTITY = /authz\/auth-request|auth\/nginx$|^\/auth$/;

/** An authentication server gets the fields of upgrades, too, but answers them as any request. */
function isUpgrade(request: ReceivedRequest): boolean {
  const asked = request.field('upgrade') === 'websocket' && /upgrade/i.test(request.field('connection') ?? '');
  return asked && !IDENTITY.test(request.target);
}

function answer(request: ReceivedRequest): string {
  if (request.target.includes('reply=reset')) return '';
  const name = IDENTITY.test(request.target) ? 'identified' : (/[?&]reply=(\w+)/.exec(request.target)?.[1] ?? '');
  const made = (REPLIES[name] ?? (() => response('200 OK', [HTML], `<p>${request.method}</p>`)))(request);
  return request.method === 'HEAD' ? made.slice(0, made.indexOf('\r\n\r\n') + 4) : made;
}

export class RecordingBackEnd {
  private readonly received: string[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly webSockets = new WebSocketServer({ noServer: true });

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly certificates: Authority,
  ) {
    this.webSockets.on('connection', (socket) => {
      socket.on('error', () => socket.terminate());
      socket.on('message', (data, binary) => {
        this.received.push(`message ${String(data)}`);
        socket.send(`echo ${String(data)}`, { binary });
      });
      socket.on('close', (code) => this.received.push(`close ${code}`));
    });
    server.on('connection', (socket) => this.accept(socket));
  }

  /** `certificates`: an authority that has issued `back-end`. */
  static async start(certificates: Authority): Promise<RecordingBackEnd> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return new RecordingBackEnd(
      server,
      typeof address === 'object' && address !== null ? address.port : 0,
      certificates,
    );
  }

  /** Waits for the end of all WebSockets. */
  async idle(): Promise<void> {
    await until('WebSockets are closed', () => this.webSockets.clients.size === 0);
  }

  /** Everything received since the last call: heads and bodies as they came, and events of WebSockets. */
  take(): string[] {
    return this.received.splice(0);
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.webSockets.close();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null;
      if (first === null) return;
      socket.unshift(first);
      const plain = first[0] !== HANDSHAKE;
      const stream = plain
        ? socket
        : new TLSSocket(socket, {
            isServer: true,
            cert: this.certificates.read('back-end.crt'),
            key: this.certificates.read('back-end.key'),
          });
      stream.on('error', () => socket.destroy());
      this.serve(new BackendConnection(stream, 0)).catch(() => socket.destroy());
    });
  }

  private async serve(connection: BackendConnection): Promise<void> {
    for (;;) {
      const request = await connection.request();
      if (request === null) return connection.end();
      this.received.push(request.head + request.rawBody);
      if (isUpgrade(request)) return this.upgrade(connection, request);
      const bytes = answer(request);
      if (bytes === '') return connection.reset();
      connection.send(bytes);
      if (/\r\nconnection: close/i.test(bytes)) return connection.end();
    }
  }

  private upgrade(connection: BackendConnection, request: ReceivedRequest): void {
    const { socket, reader } = connection;
    const message = new IncomingMessage(socket);
    message.method = request.method;
    message.url = request.target;
    for (const [name, value] of request.fields) message.headers[name.toLowerCase()] = value;
    const head = Buffer.from(reader.pending, 'latin1');
    this.webSockets.handleUpgrade(message, socket, head, (each) => this.webSockets.emit('connection', each, message));
  }
}
