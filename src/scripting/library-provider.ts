/** Global names of scripts besides `ngx`: njs's web interfaces, objects of JSON files, and `ngx.fetch` and `ngx.shared`. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { Compiler } from '../program/module.js';
import { compileFetch, ngxFetch } from './location-fetch.js';
import { Headers } from './njs/headers.js';
import { Request } from './njs/request.js';
import { Response } from './njs/response.js';
import { scriptCrypto } from './njs/web-crypto.js';
import { preloadedObjects } from './preload.js';
import { openDictionaries } from './shared-dictionaries.js';
import { SharedMemoryError } from './shared-dictionary.js';

const GLOBALS: readonly (readonly [name: string, value: unknown])[] = [
  ['crypto', scriptCrypto],
  ['Headers', Headers],
  ['Request', Request],
  ['Response', Response],
  ['SharedMemoryError', SharedMemoryError],
];

/** The part of `Scripts` that is extended. */
interface Extended {
  readonly dispose: Set<() => void>;
  readonly simulates: boolean;
  readonly globals: ((block: CheckedBlock) => Iterable<readonly [name: string, value: unknown]>)[];
  readonly ngx: object;
}

/** See `Provider`. */
export async function provideLibraries(scripts: Extended, compiler: Compiler, http: CheckedBlock): Promise<void> {
  scripts.globals.push(
    () => GLOBALS,
    (block) => preloadedObjects(block, compiler),
  );
  const fetch = compileFetch(http, compiler);
  scripts.dispose.add(() => fetch.connections.close());
  Object.defineProperties(scripts.ngx, {
    fetch: { value: ngxFetch(fetch, scripts.simulates), enumerable: true },
    shared: { value: await openDictionaries(compiler, http), enumerable: true },
  });
}
