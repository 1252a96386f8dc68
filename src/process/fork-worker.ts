/** Starts a worker process. This file imports nothing heavy, so that a worker can load while its master still does. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A young generation of 8 MiB takes 3 KiB less for each idle tunnel than Node's default and costs no time per request; a
 * collection that can be asked for gives back what a reload leaves. The old generation may grow by 40 % before it is
 * collected: V8's own limit let a worker with 2,000 busy tunnels swing between 95 and 161 MiB.
 */
const FLAGS = ['--max-semi-space-size=8', '--expose-gc', '--heap-growing-percent=40'];

/**
 * Blocks from this size on come from the system and return to it when they are freed. By default glibc takes up to 32 MiB from
 * one heap, which shrinks only at its end: after 200 slow clients, 50 MiB of freed buffers stayed resident.
 */
const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: '16384' };

/** It stands beside this file, in one of the two forms that both have: compiled, and as a part of one file. */
const WORKER = fileURLToPath(new URL(`worker-main${extname(import.meta.url)}`, import.meta.url));

/** On Linux, the program that this process runs, even after its file was replaced or removed. */
const OWN_EXECUTABLE = '/proc/self/exe';

let executable = process.execPath;

/** A child process that exists: its `pid` is that of a process. */
export type WorkerChild = ChildProcess & { readonly pid: number };

/**
 * Forks a worker, which waits for its orders. Rejects with the system's error, whichever way Node reports it: it throws some
 * (ENOMEM) and emits others (EAGAIN, EMFILE, ENOENT). Where the executable is missing, the next attempt uses the one that
 * this process runs.
 */
export function forkWorker(): Promise<WorkerChild> {
  const forked = attempt().catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EACCES') {
      executable = executable === process.execPath ? OWN_EXECUTABLE : process.execPath;
    }
    throw error;
  });
  // Reported to whoever awaits the worker, which may be later.
  forked.catch(() => {});
  return forked;
}

async function attempt(): Promise<WorkerChild> {
  const child = fork(WORKER, [], {
    execPath: executable,
    execArgv: FLAGS,
    env: { ...ENVIRONMENT, ...process.env },
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  if (isStarted(child)) {
    // A message to a process that has just died; its exit says so.
    child.on('error', () => {});
    return child;
  }
  const [error] = await once(child, 'spawn').catch((reason: unknown) => [reason]);
  // The parent's end of the channel was opened before the fork failed.
  if (child.connected) child.disconnect();
  throw error ?? new Error('no process was started');
}

function isStarted(child: ChildProcess): child is WorkerChild {
  return child.pid !== undefined;
}
