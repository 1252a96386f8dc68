import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { DnsServer } from './dns-server.js';

test('abandoned lookups do not keep a process running after its proxy is closed', async (t) => {
  const server = await DnsServer.start();
  t.after(() => server.close());
  server.silent = true;
  const library = new URL('../../src/index.js', import.meta.url);
  const program = `
    import { createProxy } from '${library}';
    const proxy = createProxy({ config: \`http {
      resolver 127.0.0.1:${server.port} ipv6=off;
      upstream u { zone u 64k; server app.test:80 resolve; }
      server { listen 127.0.0.1:0; location / { proxy_pass http://u; } }
    }\` });
    await proxy.start();
    await proxy.close();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: 'inherit',
    timeout: 20_000,
  });
  // The lookup itself ends after 30 s, the default of resolver_timeout.
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.deepEqual([...new Set(server.asked)], ['A app.test']);
});
