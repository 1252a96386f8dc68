import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answeringBackend, get, reply, startProxy } from '../kit/index.js';

test('in a subrequest, $request_method is the method of the request of the client', async (t) => {
  const backend = await answeringBackend(() => reply('ok'));
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      location / { auth_request /verify; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      location = /verify {
        internal;
        proxy_pass_request_body off;
        proxy_set_header X-Original-Method $request_method;
        proxy_pass http://127.0.0.1:%%BACKEND%%;
      }
    }`,
    { BACKEND: backend.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  assert.equal((await get(proxy.port, '/', { method: 'DELETE' })).status, 200);
  const [verification] = backend.requests;
  assert.equal(verification?.method, 'GET');
  assert.equal(verification?.field('x-original-method'), 'DELETE');
});
