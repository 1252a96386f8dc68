/** The exchange for which a script runs. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Exchange } from '../program/exchange.js';
import { beginFunction, endFunction } from '../program/last-function.js';

/** While a handler runs; after a wait it is unknown without `tracked`, which costs time with each promise. */
let current: Exchange | null = null;

let storage: AsyncLocalStorage<Exchange> | null = null;

/** The exchange whose handler runs; null outside of handlers, and after a wait if no module uses `fetch`. */
export function currentSession(): Exchange | null {
  return current ?? storage?.getStore() ?? null;
}

/** Calls a function for an exchange, with one argument, and without tracking. */
export function callNow(x: Exchange, record: Buffer, call: (argument: unknown) => unknown, argument: unknown): unknown {
  const outer = current;
  const outerFunction = beginFunction(record);
  current = x;
  try {
    return call(argument);
  } finally {
    current = outer;
    endFunction(outerFunction);
  }
}

/**
 * Calls a function for an exchange. `tracked`: the exchange is also known after its waits. `record`: of the function
 * (`functionRecord`), null if it is unknown.
 */
export function callFor<T>(x: Exchange | null, tracked: boolean, record: Buffer | null, call: () => T): T {
  const outer = current;
  const outerFunction = beginFunction(record);
  current = x;
  try {
    if (!tracked || x === null) return call();
    storage ??= new AsyncLocalStorage();
    return storage.run(x, call);
  } finally {
    current = outer;
    endFunction(outerFunction);
  }
}
