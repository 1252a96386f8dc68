/** Garbage collection on demand, for tests that measure memory. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/**
 * Frees all unreachable memory, including array buffers. V8 frees array buffers in the background after a collection; a
 * second collection waits for that.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  collect();
}
