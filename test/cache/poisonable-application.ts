/** An application that builds its pages from everything that a request contains, as the worst applications do. */
import { answeringBackend, type Backend, type ReceivedRequest, reply } from '../kit/index.js';

const ETAG = '"page"';

/** Starts the application. It declares what it varies on by `Vary`, and what is private, but trusts fields of proxies. `delay`: ms before each response. */
export function poisonableApplication(delay = 0): Promise<Backend> {
  return answeringBackend(async (request, connection) => {
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    const provoked = request.field('x-provoke');
    const page = pageFor(request);
    const half = page.slice(0, page.length / 2);
    switch (provoked) {
      case 'cut':
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${page.length}\r\nConnection: close\r\n\r\n${half}`);
        return end(connection);
      case 'cut-chunks':
        connection.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n8\r\nprovoked\r\n`);
        return end(connection);
      case 'both-framings':
        return `HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n8\r\nprovoked\r\n0\r\n\r\n`;
      case 'two-lengths':
        return `HTTP/1.1 200 OK\r\nContent-Length: 8\r\nContent-Length: 4\r\nConnection: close\r\n\r\nprovoked`;
      case 'no-length-reset':
        connection.send('HTTP/1.1 200 OK\r\n\r\nprovo');
        return end(connection, true);
      case 'error':
        return reply('provoked', { status: '500 Internal Server Error' });
      case 'redirect-http':
        return reply('provoked', { status: '302 Found', fields: ['Location: http://www.example.com/'] });
      case 'set-cookie':
        return reply('provoked', { fields: ['Set-Cookie: session=mallory'] });
      case 'no-store':
        return reply('provoked', { fields: ['Cache-Control: no-store'] });
      case 'part':
        return reply('prov', { status: '206 Partial Content', fields: ['Content-Range: bytes 0-3/8'] });
    }
    return answer(request, page);
  });
}

/** Nothing more is sent. */
function end(connection: { end(): void; reset(): void }, reset = false): string {
  if (reset) connection.reset();
  else connection.end();
  return '\r\n\r\n';
}

function pageFor(request: ReceivedRequest): string {
  const of = (...names: readonly string[]) =>
    names.map((name) => request.field(name)).find((value) => value !== undefined);
  const method = of('x-http-method-override', 'x-http-method', 'x-method-override') ?? request.method;
  const forwarded = /host=([^;,]+)/.exec(of('forwarded') ?? '')?.[1];
  const host =
    of('x-forwarded-host', 'x_forwarded_host', 'x-host', 'x-original-host', 'x-forwarded-server') ??
    forwarded ??
    of('host') ??
    'none';
  const scheme = of('x-forwarded-scheme', 'x-forwarded-proto') ?? 'http';
  const port = of('x-forwarded-port') ?? '';
  const target = of('x-original-url', 'x-rewrite-url') ?? request.target;
  const parts = [method, `${scheme}://${host}:${port}${of('x-forwarded-prefix') ?? ''}${target}`];
  for (const name of [
    'accept-encoding',
    'accept-language',
    'origin',
    'user-agent',
    'cookie',
    'authorization',
    'accept',
    'expect',
    'upgrade',
  ])
    parts.push(`${name}=${of(name) ?? ''}`);
  return `${parts.join('\n')}\nbody=${request.body}\n`;
}

function answer(request: ReceivedRequest, page: string): string {
  const fields = [
    `ETag: ${ETAG}`,
    'Vary: Accept-Encoding, Accept-Language, Origin, User-Agent',
    'Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT',
  ];
  if (request.field('cookie') !== undefined) fields.push('Cache-Control: private');
  if (request.field('authorization') !== undefined) fields.push('Cache-Control: private');
  if (request.field('cookie') === 'new=1') fields.push('Set-Cookie: id=1');
  if ((request.head.length ?? 0) > 5000) return reply('too large', { status: '400 Bad Request' });
  if (request.field('accept') === 'text/event-stream') {
    return `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n`;
  }
  if (request.field('if-match') === '"other"') return reply('', { status: '412 Precondition Failed' });
  if (request.field('if-none-match') !== undefined || request.field('if-modified-since') !== undefined) {
    return `HTTP/1.1 304 Not Modified\r\n${fields.join('\r\n')}\r\n\r\n`;
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.field('range') ?? '');
  if (range !== null) {
    const part = page.slice(Number(range[1]), Number(range[2]) + 1);
    const status = '206 Partial Content';
    return reply(part, { status, fields: [...fields, `Content-Range: bytes ${range[1]}-${range[2]}/${page.length}`] });
  }
  if (request.method === 'OPTIONS')
    return reply('', { status: '204 No Content', fields: ['Allow: GET'] }).replace('Content-Length: 0\r\n', '');
  const full = reply(page, { fields });
  return request.method === 'HEAD' ? full.slice(0, -page.length) : full;
}
