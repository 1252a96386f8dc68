/**
 * Cost of the traffic tap: CPU time per request and per echoed WebSocket message of 64 bytes, without subscribers and with
 * one, and in another build of the project if its directory is given (such as the commit before a change).
 *
 *   node dist/bench/tap.js [rounds] [seconds] [directory of another build]
 *
 * The variants alternate; the medians of their ratios to the first one, which has no subscriber, are printed. Requests need `wrk`.
 */
import { compare, type EmbeddedProxy, ROOT, withBackend } from './embedded-proxy.js';
import { wrk } from './peers.js';

const [rounds = '5', seconds = '3', other] = process.argv.slice(2);

const SUBSCRIBER = 'let rows = 0; proxy.tap({}, (batch) => { rows += batch.length; });';

await withBackend(async (backend) => {
  const config = `events { worker_connections 4096; } http { access_log off; proxy_read_timeout 1h;
    server { listen 127.0.0.1:0; location / { return 200 ok; }
      location /ws { proxy_pass http://127.0.0.1:${backend}; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } }`;
  const without = { name: 'no subscriber', root: ROOT, config };
  await compare(
    [
      without,
      ...(other === undefined ? [] : [{ ...without, name: 'other build', root: other }]),
      { ...without, name: 'one subscriber', after: SUBSCRIBER },
    ],
    [
      ['WebSocket message', (proxy) => proxy.message()],
      ...(wrk() === null ? [] : [['request', (proxy: EmbeddedProxy) => proxy.request()] as const]),
    ],
    { rounds, seconds },
  );
});
