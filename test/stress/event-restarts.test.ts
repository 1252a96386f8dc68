import { test } from 'node:test';
import { startProxy } from '../kit/index.js';
import { restartUpstream } from './event-restarts.js';

for (const overlap of [0, 3]) {
  test(`no event is lost or repeated in restarts of an upstream that repeats ${overlap} events`, async (t) => {
    const outcome = await restartUpstream(
      async (upstream) => {
        const proxy = await startProxy(
          `access_log off;
          server {
            listen 127.0.0.1:0;
            location / { sse_reconnect on; sse_heartbeat 100ms; proxy_pass http://127.0.0.1:${upstream}; }
          }`,
        );
        t.after(() => proxy.close());
        return proxy.port;
      },
      30,
      4,
      overlap,
    );
    t.diagnostic(JSON.stringify(outcome));
  });
}
