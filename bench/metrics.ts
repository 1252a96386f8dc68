/**
 * Cost of metrics: CPU time per request and per echoed WebSocket message of 64 bytes, for one configuration without and with a
 * location `metrics`, and in another build of the project if its directory is given (such as the commit before a change).
 *
 *   node dist/bench/metrics.js [rounds] [seconds] [directory of another build]
 *
 * The variants alternate; the medians of their ratios to the first one are printed. Requests need `wrk`.
 */
import { compare, type EmbeddedProxy, ROOT, withBackend } from './embedded-proxy.js';
import { wrk } from './peers.js';

const [rounds = '5', seconds = '3', other] = process.argv.slice(2);

function configOf(location: string, backend: number): string {
  return `events { worker_connections 4096; } http { access_log off; proxy_read_timeout 1h;
    upstream app { server 127.0.0.1:${backend}; keepalive 64; }
    server { listen 127.0.0.1:0; ${location}
      location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://app; }
      location /return { return 200 ok; }
      location /ws { proxy_pass http://127.0.0.1:${backend}; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } }`;
}

await withBackend(async (backend) => {
  const without = { name: 'without metrics', root: ROOT, config: configOf('', backend) };
  await compare(
    [
      without,
      { ...without, name: 'without metrics, again' },
      { name: 'with metrics', root: ROOT, config: configOf('location = /metrics { metrics; }', backend) },
      ...(other === undefined ? [] : [{ ...without, name: 'other build', root: other }]),
    ],
    [
      ['WebSocket message', (proxy) => proxy.message()],
      ...(wrk() === null
        ? []
        : [
            ['proxied request', (proxy: EmbeddedProxy) => proxy.request('/')] as const,
            ['return 200', (proxy: EmbeddedProxy) => proxy.request('/return')] as const,
          ]),
    ],
    { rounds, seconds },
  );
});
