/** Proxies that end with a test. */
import { createProxy, type ProxyOptions, type ReverseProxy } from '../proxy.js';

/** Context of a test: that of `node:test`, or of vitest. */
export type TestHost =
  | { after(close: () => Promise<void>): unknown }
  | { onTestFinished(close: () => Promise<void>): unknown };

/**
 * Starts a proxy that is closed at the end of the test. A text without the block `http` is completed: it may begin with
 * `server`, or with the contents of a server, which then listens on a free port. The error log is not written unless an option
 * says so.
 */
export async function startProxy(test: TestHost, options: ProxyOptions): Promise<ReverseProxy> {
  const { config } = options;
  const proxy = createProxy({
    errorLog: () => {},
    ...options,
    ...(config !== undefined && { config: completed(config) }),
  });
  const close = (): Promise<void> => proxy.close();
  if ('after' in test) test.after(close);
  else test.onTestFinished(close);
  await proxy.start();
  return proxy;
}

function completed(config: string): string {
  if (hasBlock(config, 'http')) return config;
  const servers = hasBlock(config, 'server') ? config : `server { listen 127.0.0.1:0; ${config}\n }`;
  return `events {} http { access_log off; ${servers}\n }`;
}

function hasBlock(config: string, name: string): boolean {
  return new RegExp(`(?:^|[\\s;}])${name}\\s*\\{`).test(config);
}
