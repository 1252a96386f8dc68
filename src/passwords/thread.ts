/** Thread that compares passwords with hashes, one at a time, with at most half of the time of one processor. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { matchesHash } from './crypt.js';
import type { ThreadRequest } from './verifier.js';

/** Nice value: requests that need no thread have priority over passwords. */
const NICE = 19;
/**
 * ms of work after which the thread rests for the same time. The event loop does not need that: with the nice value alone the
 * latency of other requests is the same (`node dist/bench/access.js --only guesses`). But nice values are compared only within
 * a session (autogroup) or a control group; the rests also leave half of a processor to other programs. Time in which the
 * thread was ready but did not run counts as work, so that it rests longer on a busy machine.
 */
const SLICE = 1;
/** Maximum time of a rest, ms. */
const MAX_REST = 20;

try {
  // On Linux, 0 is the calling thread.
  setPriority(0, NICE);
} catch {
  // Without it, the kernel shares the processor equally.
}

const never = new Int32Array(new SharedArrayBuffer(4));
let began = 0;

/** Blocks the thread if it has worked for a slice. */
function rest(): void {
  const worked = performance.now() - began;
  if (worked < SLICE) return;
  Atomics.wait(never, 0, 0, Math.min(worked, MAX_REST));
  began = performance.now();
}

parentPort?.on('message', ({ password, hash }: ThreadRequest) => {
  began = performance.now();
  parentPort?.postMessage(matchesHash(password, hash, rest));
});
