/** Proxies with scripts. */
import type { TestContext } from 'node:test';
import { startProxy, type TestProxy } from '../kit/index.js';

interface Options {
  /** Further files by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Port of `%%BACKEND%%`. */
  readonly backend?: number;
}

/** A proxy with a module `main.js`, until the test ends; `locations`: directives of its server. */
export async function scripted(
  t: TestContext,
  main: string,
  locations: string,
  { files = {}, backend = 0 }: Options = {},
): Promise<TestProxy> {
  const proxy = await startProxy(
    `js_path %%DIR%%;
     js_import main.js;
     access_log off;
     server { listen 127.0.0.1:0; ${locations} }`,
    { BACKEND: backend },
    { files: { 'main.js': main, ...files } },
  );
  t.after(() => proxy.close());
  return proxy;
}
