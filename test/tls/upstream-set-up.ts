/** A proxy before a back end with TLS. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import {
  certificates,
  get,
  type HttpsBackend,
  httpsBackend,
  type SecuredRequest,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

type Backends = Parameters<typeof httpsBackend>[0];

/** A proxy with locations, before one back end `%%B%%`. */
export async function setUp(
  t: TestContext,
  locations: string,
  options: Backends = {},
): Promise<{ proxy: TestProxy; backend: HttpsBackend }> {
  const backend = await httpsBackend(options);
  t.after(() => backend.close());
  const config = `
    upstream named.example { server 127.0.0.1:%%B%%; keepalive 4; }
    map $arg_name $name { default $arg_name; }
    server { listen 127.0.0.1:0; proxy_connect_timeout 20s; ${locations} }`;
  const proxy = await startProxy(config, { C: certificates().directory, B: backend.port || 1 });
  t.after(() => proxy.close());
  return { proxy, backend };
}

/** Facts of a request, as the back end reported them. */
export async function facts(proxy: TestProxy, path: string): Promise<SecuredRequest> {
  const { status, body } = await get(proxy.port, path);
  assert.equal(status, 200, `${body}${proxy.messages('error').join('\n')}`);
  return JSON.parse(body) as SecuredRequest;
}

/** Directives that verify the certificate of the test authority. */
export const VERIFY = 'proxy_ssl_verify on; proxy_ssl_trusted_certificate %%C%%/ca.crt;';
