/**
 * Record of the function of a script that this process has called last, in a file that the master process can read: a worker
 * that is blocked, or whose memory is exhausted, cannot log the function itself.
 */

/** Bytes of a record; shorter texts are followed by zeros. */
export const RECORD_SIZE = 512;

const NONE: Buffer = Buffer.alloc(RECORD_SIZE);

let write: ((record: Buffer) => void) | null = null;
/** The running function; null: none. */
let running: Buffer | null = null;
/** The record that was written last. */
let written = NONE;
/** Whether a function has run since `forgetIdleFunction` was called. */
let active = false;
/** Number of functions whose promises have not settled. */
let waiting = 0;

/** Passes records to `writer`. Without one, as in an embedding program, they are not written. */
export function writeFunctionRecords(writer: (record: Buffer) => void): void {
  write = writer;
}

/** Record of a function. `description`: bytes. */
export function functionRecord(description: string): Buffer {
  const record = Buffer.alloc(RECORD_SIZE);
  record.latin1Write(description, 0);
  return record;
}

/** Text of a record; empty if no function was called. */
export function describedIn(record: Buffer): string {
  const end = record.indexOf(0);
  return record.latin1Slice(0, end < 0 ? record.length : end);
}

/** Called when a function begins; returns the outer one, for `endFunction`. Writes a record only if the function has changed. */
export function beginFunction(record: Buffer | null): Buffer | null {
  const outer = running;
  running = record;
  active = true;
  if (record !== null && record !== written) put(record);
  return outer;
}

/** Called when a function has ended, and `outer` continues. */
export function endFunction(outer: Buffer | null): void {
  running = outer;
  if (outer !== null && outer !== written) put(outer);
}

/** The running function, to which its timers and other callbacks are attributed; null: none. */
export function runningFunction(): Buffer | null {
  return running;
}

/** Called when the promise of a function is pending; the returned function must be called when it has settled. */
export function functionWaits(): () => void {
  waiting++;
  let ended = false;
  return () => {
    if (!ended) waiting--;
    ended = true;
  };
}

/** Removes the record of a function that has ended, and has not run since the last call. Called at intervals. */
export function forgetIdleFunction(): void {
  if (!active && waiting === 0 && written !== NONE) put(NONE);
  active = false;
}

function put(record: Buffer): void {
  written = record;
  if (write === null) return;
  try {
    write(record);
  } catch {
    // The disk may be full: the exit of the process is then reported without the function.
  }
}
