/** Rules of upstreams in explanations: limits, exclusions, and why a server is chosen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderExplanation } from '../../src/explain/render.js';
import { explain } from '../../src/index.js';

const CONFIG = `events {}
http {
  upstream app {
    zone app 64k;
    server 127.0.0.1:1 slow_start=30s;
    server 127.0.0.1:2 weight=2;
    server 127.0.0.1:3 down;
    server 127.0.0.1:4 drain;
    server 127.0.0.1:5 backup;
    circuit_breaker failures=3 ratio=50% min=20 window=10s open=1500ms probes=2;
    outlier_ejection failures=5 time=30s max=40%;
    retry_budget 20% min=3;
    queue 100 timeout=5s;
    tunnel_rebalance on share=20% spread=1m;
  }
  server {
    listen 80;
    circuit_breaker failures=1 open=1m status=529;
    upstream_timeout 10s;
    location / { retry_backoff 50ms max=1s; proxy_pass http://app; }
    location /checked { health_check interval=2s fails=2 mandatory uri=/health; health_check type=tcp; proxy_pass http://APP; }
    location /other { proxy_pass http://127.0.0.1:9; health_check type=websocket uri=/ws; }
    location /plain { circuit_breaker off; upstream_timeout 0; proxy_pass http://plain; }
  }
  upstream plain { least_conn; server 127.0.0.1:1; server 127.0.0.1:2; }
}
`;

test('breakers, checks, queues and the like are explained with their effects', async () => {
  const { upstreams } = await explain(CONFIG, '/', { prefix: '/nonexistent' });
  assert.deepEqual(
    upstreams[0]?.rules.map(({ directive, effect }) => `${directive.at?.line} ${directive.text}: ${effect}`),
    [
      '18 circuit_breaker failures=1 open=1m status=529: after 1 failure within 10s, requests of the location get 529 for 60s; then 1 probe must succeed',
      '19 upstream_timeout 10s: all tries together end after 10s',
      '20 retry_backoff 50ms max=1s: after a connection that failed, the next server is tried 50ms later, then twice as long, up to 1s',
      '21 health_check interval=2s fails=2 mandatory uri=/health: every 2s, GET /health: a server is left out after 2 failures, and used again after 1 success, and gets no requests before its first success (assumed here)',
      '21 health_check type=tcp: every 5s, a connection: a server is left out after 1 failure, and used again after 1 success',
      '10 circuit_breaker failures=3 ratio=50% min=20 window=10s open=1500ms probes=2: after 3 failures or failures of 50% of at least 20 requests within 10s, requests of the group get 503 for 1500ms; then 2 probes must succeed',
      '11 outlier_ejection failures=5 time=30s max=40%: a server is left out for 30s after 5 failures within 10s; at most 2 of 5 at once',
      '12 retry_budget 20% min=3: further tries are limited to 20% of the requests within 10s, or 3',
      '13 queue 100 timeout=5s: if no server is available, up to 100 requests wait up to 5s for one',
      '14 tunnel_rebalance on share=20% spread=1m: when a server joins, up to 20% of the WebSockets are moved within 60s',
    ],
  );
  const text = renderExplanation(await explain(CONFIG, '/', { prefix: '/nonexistent' }));
  assert.match(text, /^ {2}queue 100 timeout=5s .*:13 +if no server is available, up to 100 requests wait/m);
  assert.match(
    text,
    /127\.0\.0\.1:1 {2}weight 1, max_fails 1 in 10s, slow_start 30s, no\. 2 if the previous ones fail$/m,
  );
});

test('the choice of a server is explained, and which servers get no requests', async () => {
  const whys = async (request: string) => {
    const { upstreams } = await explain(CONFIG, request, { prefix: '/nonexistent' });
    return upstreams[0]?.peers.map(({ address, why }) => `${address.at(-1)} ${why}`);
  };
  assert.deepEqual(await whys('/'), [
    '1 ',
    '2 the greatest weight',
    '3 gets no requests',
    '4 gets no requests, because no client is bound to it',
    '5 only if no other server is available',
  ]);
  assert.deepEqual(await whys('/plain'), ['1 no server has connections: the first with the greatest weight', '2 ']);
  const { upstreams } = await explain(CONFIG, '/plain', { prefix: '/nonexistent' });
  assert.deepEqual(upstreams[0]?.rules, []);
});

test('reasons of methods: hashes, bound clients, and backup servers', async () => {
  const why = async (lines: string, request = '/') => {
    const text = `events {}\nhttp { upstream u { ${lines} } server { listen 80; location / { proxy_pass http://u; } } }\n`;
    const { upstreams } = await explain(text, request, { prefix: '/nonexistent' });
    return upstreams[0]?.peers.map((peer) => peer.why).filter((each) => each !== '');
  };
  const two = 'server 127.0.0.1:1 route=a; server 127.0.0.1:2 route=b;';
  assert.deepEqual(await why(`ip_hash; ${two}`), ["by the hash of the client's address"]);
  assert.deepEqual(await why(`hash $uri; ${two}`), ['by the hash of the key']);
  assert.deepEqual(await why(`hash $arg_k; ${two}`), ['the key is empty: the first with the greatest weight']);
  assert.deepEqual(await why(`least_time header; ${two}`), [
    'no response times are known: the first with the greatest weight',
  ]);
  assert.deepEqual(await why(`random; ${two}`), []);
  assert.deepEqual(await why('server 127.0.0.1:1;'), ['the only server']);
  assert.deepEqual(await why('server 127.0.0.1:1; server 127.0.0.1:2 down;'), [
    'the only server that is available',
    'gets no requests',
  ]);
  assert.deepEqual(await why('server 127.0.0.1:1 down; server 127.0.0.1:2 backup;'), [
    'gets no requests',
    'a backup server, because no other server is available',
  ]);
  assert.deepEqual(await why(`sticky route $arg_r; ${two}`, '/?r=b'), ['the client is bound to it']);
  const drained = 'server 127.0.0.1:1 route=a down; server 127.0.0.1:2 route=b; server 127.0.0.1:3 drain;';
  assert.deepEqual(await why(`sticky route $arg_r; ${drained}`, '/?r=a'), [
    'gets no requests',
    'the only server that is available; the server to which the client is bound gets no requests',
    'gets only requests bound to it',
  ]);
});

test('limits in a store that is not connected do not refuse the request', async () => {
  const config = `events {}
http {
  zone_store main unix:/nonexistent/socket;
  limit_req_zone $host zone=r:1m rate=1r/s store=main store_failure=closed;
  limit_conn_zone $host zone=c:1m store=main store_failure=closed;
  server { listen 80; limit_req zone=r; limit_conn c 1;
    location /b/ { proxy_pass http://127.0.0.1:1; } }
}
`;
  const { upstreams } = await explain(config, '/b/', { prefix: '/nonexistent' });
  assert.equal(upstreams.length, 1);
});
