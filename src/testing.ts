/**
 * Tests of functions and configurations (`tsproxy/testing`), for `node:test`, vitest and others.
 *
 * ```ts
 * import { startProxy, testMessage, testRequest } from 'tsproxy/testing';
 *
 * test('drops secrets', async (t) => {
 *   const message = testMessage('a secret');
 *   await filter(testRequest(), message);
 *   assert.equal(message.decision.action, 'drop');
 *
 *   const proxy = await startProxy(t, { config: 'location / { js_content hooks.hello; }', hooks: { hello } });
 *   assert.equal(await (await fetch(proxy.url)).text(), 'hello');
 * });
 * ```
 */
export { startProxy, type TestHost } from './library/testing/start-proxy.js';
export {
  type ReceivedData,
  type TestDecision,
  type TestEvent,
  type TestMessage,
  type TestMessageOptions,
  type TestSocket,
  testEvent,
  testMessage,
  testSocket,
} from './library/testing/test-messages.js';
export {
  type TestLogLine,
  type TestReply,
  type TestRequest,
  type TestRequestOptions,
  type TestResponse,
  testRequest,
} from './library/testing/test-request.js';
