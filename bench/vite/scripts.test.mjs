// `tsproxy/testing` in vitest.
import { startProxy, testMessage, testRequest } from 'tsproxy/testing';
import { expect, test } from 'vitest';

const hello = (r) => r.return(200, `Hello ${r.headersIn['X-User']}`);
const filter = async (_r, message) => {
  if (message.text.includes('secret')) message.drop();
};

test('messages with secrets are dropped', async () => {
  const message = testMessage('a secret');
  await filter(testRequest(), message);
  expect(message.decision.action).toBe('drop');
});

test('clients are greeted', async (t) => {
  const proxy = await startProxy(t, { config: 'location / { js_content hooks.hello; }', hooks: { hello } });
  const response = await fetch(proxy.url, { headers: { 'X-User': 'me' } });
  expect(await response.text()).toBe('Hello me');
});
