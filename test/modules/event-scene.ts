/** A back end of event streams, a proxy in front of it, and clients. */
import type { TestContext } from 'node:test';
import {
  type Backend,
  type BackendConnection,
  EventClient,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

export const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n';
export const CHUNKED = HEAD.replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n');

export function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** A back end that responds to each request by a script, and a proxy with these directives in front of it. */
export async function scene(
  t: TestContext,
  directives: string,
  script: (connection: BackendConnection, backend: Backend) => void | Promise<void>,
): Promise<{ proxy: TestProxy; backend: Backend; client(path?: string): EventClient }> {
  const backend: Backend = await scriptedBackend(async (connection) => {
    const received = await connection.request();
    if (received === null) return;
    backend.requests.push(received);
    await script(connection, backend);
  });
  const proxy = await started(t, directives, backend.port);
  t.after(() => backend.close());
  return { proxy, backend, client: (path = '/') => client(t, proxy, path) };
}

export async function started(t: TestContext, directives: string, port: number): Promise<TestProxy> {
  const proxy = await startProxy(
    `log_format sse '$status $sse_events $sse_bytes $sse_heartbeats $sse_reconnects $sse_replays "$sse_last_event_id"';
    access_log logs/access.log sse;
    upstream app { server 127.0.0.1:%%PORT%%; }
    server {
      listen 127.0.0.1:0;
      location /counts { access_log off; return 200 "$sse_open $sse_waiting"; }
      location / { ${directives} proxy_pass http://app/base/; }
    }`,
    { PORT: port },
  );
  t.after(() => proxy.close());
  return proxy;
}

export function client(
  t: TestContext,
  proxy: TestProxy,
  path = '/',
  options?: ConstructorParameters<typeof EventClient>[2],
): EventClient {
  const client = new EventClient(proxy.port, path, options);
  t.after(() => client.close());
  return client;
}

export async function logged(proxy: TestProxy): Promise<string> {
  await until('the request is logged', () => proxy.accessLog().length > 0);
  return proxy.accessLog()[0] ?? '';
}
