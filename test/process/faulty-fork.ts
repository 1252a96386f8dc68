/**
 * Preloaded (`--import`) into a master: while the file that FORK_FAULT names holds the name of an errno, starting a worker, or the
 * command that FORK_FAULT_OF names, fails with it. Only the system call is replaced, so that Node throws or emits the error as it does for that errno.
 */
import { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

interface Spawning {
  readonly _handle: { spawn(options: unknown): number };
  spawn(options: { readonly args: readonly string[] }): unknown;
}

const OF = process.env.FORK_FAULT_OF ?? 'worker-main';

function fault(): number | undefined {
  try {
    const name = readFileSync(process.env.FORK_FAULT ?? '', 'latin1') as keyof typeof constants.errno;
    return constants.errno[name];
  } catch {
    return undefined;
  }
}

const prototype = ChildProcess.prototype as unknown as Spawning;
const { spawn } = prototype;
prototype.spawn = function (this: Spawning, options) {
  const errno = fault();
  if (errno !== undefined && options.args.some((word) => word.includes(OF))) this._handle.spawn = () => -errno;
  return spawn.call(this, options);
};
