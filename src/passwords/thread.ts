/** Thread that compares passwords with hashes, one at a time. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { matchesHash } from './crypt.js';
import type { ThreadRequest } from './verifier.js';

/** Nice value: requests that need no thread have priority over passwords. */
const NICE = 10;

try {
  // On Linux, 0 is the calling thread.
  setPriority(0, NICE);
} catch {
  // Without it, the kernel shares the processor equally.
}

parentPort?.on('message', ({ password, hash }: ThreadRequest) => {
  parentPort?.postMessage(matchesHash(password, hash));
});
