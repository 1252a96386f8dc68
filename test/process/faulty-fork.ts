/**
 * Preloaded (`--import`) into a master: while the file that FORK_FAULT names holds names of errnos, starting a worker, or the
 * command that FORK_FAULT_OF names, fails with each of them in turn. Only the system call is replaced, so that Node throws or
 * emits the error as it does for that errno.
 */
import { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

interface Spawning {
  readonly _handle: { spawn(options: unknown): number };
  spawn(options: { readonly args: readonly string[] }): unknown;
}

const OF = process.env.FORK_FAULT_OF ?? 'worker-main';

let attempts = 0;

function fault(): number | undefined {
  try {
    const names = readFileSync(process.env.FORK_FAULT ?? '', 'latin1').split(' ');
    return constants.errno[names[attempts++ % names.length] as keyof typeof constants.errno];
  } catch {
    return undefined;
  }
}

const prototype = ChildProcess.prototype as unknown as Spawning;
const { spawn } = prototype;
prototype.spawn = function (this: Spawning, options) {
  const errno = options.args.some((word) => word.includes(OF)) ? fault() : undefined;
  if (errno !== undefined) this._handle.spawn = () => -errno;
  return spawn.call(this, options);
};
