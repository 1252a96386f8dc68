/** Starts a worker process. This file has no heavy imports, so that a worker can load while its master still does. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A young generation of 8 MiB saves 3 KiB per idle tunnel against Node's default at no cost per request. Requested
 * collections free the memory that a reload leaves. The old generation may grow by 40 % before it is collected: with V8's
 * own limit, a worker with 2,000 busy tunnels varied between 95 and 161 MiB.
 */
const FLAGS = ['--max-semi-space-size=8', '--expose-gc', '--heap-growing-percent=40'];

/**
 * Blocks of the threshold's size and above are mapped separately and returned to the system when freed. By default glibc takes
 * up to 32 MiB from one heap, which shrinks only at its end: after 200 slow clients, 50 MiB of freed buffers stayed resident.
 * Without padding, that heap grows by the requested size only; its padding (128 KiB) would hold such blocks as well, and with
 * them 5 MiB. It then shrinks in fewer, larger steps, so that a busy worker does not shrink and grow it in turn. The threshold is
 * above the buffers of 16 KiB that OpenSSL and Node's TLS engine allocate for each connection: mapping them separately took an
 * eighth of the CPU time of a TLS handshake.
 */
const ENVIRONMENT = {
  MALLOC_MMAP_THRESHOLD_: '20480',
  MALLOC_TOP_PAD_: '0',
  MALLOC_TRIM_THRESHOLD_: '524288',
};

/** Descriptor of a worker for questions to its master that cannot wait (`BlockingChannel`). */
export const BLOCKING_FD = 4;

/** Descriptor of a worker for the record of the function of a script that it has called last (`last-function.ts`). */
export const RECORD_FD = 5;

/** The worker's file is next to this one, in the same form: compiled separately or bundled. */
const WORKER = fileURLToPath(new URL(`worker-main${extname(import.meta.url)}`, import.meta.url));

/** On Linux, the executable of this process, even after its file was replaced or removed. */
const OWN_EXECUTABLE = '/proc/self/exe';

let executable = process.execPath;

/** A child process that was started, and so has a `pid`. */
export type WorkerChild = ChildProcess & {
  readonly pid: number;
  /** Descriptor of the file that is the worker's `RECORD_FD`; closed by the owner. null: it could not be created. */
  readonly record: number | null;
};

/**
 * Forks a worker, which waits for commands. Rejects with the system's error, however Node reports it: it throws some
 * (ENOMEM) and emits others (EAGAIN, EMFILE, ENOENT). If the executable is missing, the next attempt uses the one that this
 * process runs.
 */
export function forkWorker(): Promise<WorkerChild> {
  const forked = attempt().catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EACCES') {
      executable = executable === process.execPath ? OWN_EXECUTABLE : process.execPath;
    }
    throw error;
  });
  // The rejection is handled where the worker is awaited, possibly later.
  forked.catch(() => {});
  return forked;
}

/** Opens a file without a name, to be shared by two processes; null if none can be created. */
function openRecord(): number | null {
  try {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-'));
    try {
      return openSync(join(directory, 'record'), 'wx+', 0o600);
    } finally {
      rmSync(directory, { recursive: true });
    }
  } catch {
    // Exits of workers are then reported without the function.
    return null;
  }
}

/** Closes the master's descriptor of a worker's record. */
export function closeRecord({ record }: WorkerChild): void {
  if (record !== null) closeSync(record);
}

async function attempt(): Promise<WorkerChild> {
  const record = openRecord();
  let child: ChildProcess;
  try {
    child = fork(WORKER, [], {
      execPath: executable,
      execArgv: FLAGS,
      env: { ...ENVIRONMENT, ...process.env },
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe', record ?? 'ignore'],
    });
  } catch (error) {
    if (record !== null) closeSync(record);
    throw error;
  }
  if (isStarted(child)) {
    // The message was sent to a process that has just died; `exit` reports it.
    child.on('error', () => {});
    return Object.assign(child, { record });
  }
  if (record !== null) closeSync(record);
  const [error] = await once(child, 'spawn').catch((reason: unknown) => [reason]);
  // The parent's end of the channel was opened before the fork failed.
  if (child.connected) child.disconnect();
  throw error ?? new Error('no process was started');
}

function isStarted(child: ChildProcess): child is ChildProcess & { readonly pid: number } {
  return child.pid !== undefined;
}
