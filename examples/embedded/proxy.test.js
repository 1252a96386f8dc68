// @ts-check
/** Tests of an application behind the proxy of its production configuration. Run with `node --test`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { createProxy } from 'tsproxy';

/** The application. */
const app = createServer((request, response) => {
  response.end(`${request.url} for ${request.headers['x-forwarded-for']}`);
});

/** @type {import('tsproxy').ReverseProxy} */
let proxy;

before(async () => {
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  const address = app.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = createProxy({
    config: `
      events {}
      http {
        access_log off;
        server {
          listen 127.0.0.1:0;
          location /app/ {
            proxy_pass http://127.0.0.1:${address.port}/;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          }
        }
      }`,
    errorLog: ({ level, message }) => {
      if (level === 'error') console.error(message);
    },
  });
  await proxy.start();
});

after(async () => {
  await proxy.close();
  app.close();
  app.closeAllConnections();
});

test('the prefix is removed and the client address is passed on', async () => {
  const response = await fetch(`http://${proxy.addresses[0]}/app/users?id=1`);
  assert.equal(await response.text(), '/users?id=1 for 127.0.0.1');
});

test('other paths are not served', async () => {
  const response = await fetch(`http://${proxy.addresses[0]}/other`);
  assert.equal(response.status, 404);
});
