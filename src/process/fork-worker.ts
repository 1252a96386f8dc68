/** Starts a worker process. This file imports nothing heavy, so that a worker can load while its master still does. */
import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A young generation of 8 MiB takes 3 KiB less for each idle tunnel than Node's default and costs no time per request; a
 * collection that can be asked for gives back what a reload leaves. The old generation may grow by 40 % before it is
 * collected: V8's own limit let a worker with 2,000 busy tunnels swing between 95 and 161 MiB.
 */
const FLAGS = ['--max-semi-space-size=8', '--expose-gc', '--heap-growing-percent=40'];

/** It stands beside this file, in one of the two forms that both have: compiled, and as a part of one file. */
const WORKER = fileURLToPath(new URL(`worker-main${extname(import.meta.url)}`, import.meta.url));

/** Forks; the child waits for its orders. */
export function forkWorker(): ChildProcess {
  return fork(WORKER, [], {
    execArgv: FLAGS,
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}
