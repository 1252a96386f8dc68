/**
 * Import of ES modules from texts that were read before, so that all processes load the same version, and a changed file
 * is a new module. The package's own API, `tsproxy/module`, is that of this process, however it was started.
 */

import * as nodeModule from 'node:module';
import { createRequire, register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';

/** Specifier of the API, and URL of the module that stands for it. */
const API_NAME = 'tsproxy/module';
const API_URL = 'tsproxy:module';

/** Name of the global variable that holds the API. */
const API_GLOBAL = 'tsproxy/module';

interface Resolved {
  readonly url: string;
  readonly format?: string | undefined;
  readonly shortCircuit?: boolean;
}

interface Loaded {
  readonly format: string;
  readonly source?: unknown;
  readonly shortCircuit?: boolean;
}

/** Part of Node's hooks (https://nodejs.org/api/module.html#hooks) that is used here; synchronous ones since 22.15. */
interface Hooks {
  resolve(specifier: string, context: unknown, next: (specifier: string, context: unknown) => Resolved): Resolved;
  load(url: string, context: unknown, next: (url: string, context: unknown) => Loaded): Loaded;
}

type RegisterHooks = (hooks: Hooks) => unknown;

/** Makes the text available under the URL; resolves when it can be imported. */
type Provide = (url: string, text: string) => Promise<void>;

let provide: Provide | null = null;

/** `import()` as a function of a file of its own: a bundled script with cached code has none. */
const importUrl = createRequire(import.meta.url)('../process/import-module.cjs') as (url: string) => Promise<unknown>;

/** Imports the text as the ES module with that URL; rejects with the errors of the module. */
export async function importText(url: string, text: string, api: Readonly<Record<string, unknown>>): Promise<unknown> {
  provide ??= install(api);
  await provide(url, text);
  return importUrl(url);
}

function install(api: Readonly<Record<string, unknown>>): Provide {
  (globalThis as Record<symbol, unknown>)[Symbol.for(API_GLOBAL)] = api;
  const access = `globalThis[Symbol.for(${JSON.stringify(API_GLOBAL)})]`;
  const apiText = Object.keys(api)
    .map((name) => `export const ${name} = ${access}.${name};`)
    .join('\n');
  const { registerHooks } = nodeModule as unknown as { readonly registerHooks?: RegisterHooks };
  const provided = registerHooks === undefined ? inLoaderThread() : inThisThread(registerHooks);
  const ready = provided(API_URL, apiText);
  return async (url, text) => {
    await ready;
    await provided(url, text);
  };
}

function inThisThread(registerHooks: RegisterHooks): Provide {
  const texts = new Map<string, string>();
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === API_NAME
        ? { url: API_URL, format: 'module', shortCircuit: true }
        : texts.has(specifier)
          ? { url: specifier, format: 'module', shortCircuit: true }
          : next(specifier, context),
    load: (url, context, next) => {
      const source = texts.get(url);
      return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
    },
  });
  return async (url, text) => {
    texts.set(url, text);
  };
}

/** The same hooks, for the thread in which older versions of Node run them. */
const LOADER = `
  const texts = new Map();
  export function initialize({ port }) {
    port.on('message', ([url, text]) => { texts.set(url, text); port.postMessage(url); });
    port.unref();
  }
  export function resolve(specifier, context, next) {
    if (specifier === ${JSON.stringify(API_NAME)}) return { url: ${JSON.stringify(API_URL)}, format: 'module', shortCircuit: true };
    return texts.has(specifier) ? { url: specifier, format: 'module', shortCircuit: true } : next(specifier, context);
  }
  export function load(url, context, next) {
    const source = texts.get(url);
    return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true };
  }`;

function inLoaderThread(): Provide {
  const { port1, port2 } = new MessageChannel();
  register(`data:text/javascript,${encodeURIComponent(LOADER)}`, { data: { port: port2 }, transferList: [port2] });
  return (url, text) =>
    new Promise((resolve) => {
      const done = (received: unknown): void => {
        if (received !== url) return;
        port1.off('message', done);
        port1.unref();
        resolve();
      };
      port1.on('message', done);
      port1.ref();
      port1.postMessage([url, text]);
    });
}
