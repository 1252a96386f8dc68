/** `daemon on`: the process starts itself again, detached, and exits when its successor serves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { errnoText } from '../diagnostics/errno.js';
import { printError } from './standard-streams.js';

/** Set in the environment of the detached process, so that it does not detach again. */
const DETACHED = 'TSPROXY_DETACHED';

/** True in the process that `detach` started. */
export function isDetached(): boolean {
  return process.env[DETACHED] !== undefined;
}

/**
 * Starts this command again in the background. It inherits standard error if it logs there (`keepsStderr`); otherwise its
 * startup output is forwarded, so that a reader waiting for the end of standard error does not wait for the daemon. Resolves
 * with the exit code for this process: 0 when the successor serves, otherwise the successor's code.
 */
export function detach(keepsStderr: boolean): Promise<number> {
  return new Promise((resolve) => {
    const fail = (error: unknown): void => {
      printError(`tsproxy: [emerg] fork() failed (${errnoText(error)})`);
      resolve(1);
    };
    let child: ChildProcess;
    try {
      child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
        detached: true,
        stdio: ['ignore', 'ignore', keepsStderr ? 'inherit' : 'pipe', 'ipc'],
        env: { ...process.env, [DETACHED]: '1' },
      });
    } catch (error) {
      // Node throws some errors (ENOMEM) and emits others.
      fail(error);
      return;
    }
    child.stderr?.setEncoding('utf8').on('data', (text: string) => printError(text.replace(/\n$/, '')));
    child.once('message', (words: readonly string[]) => {
      for (const each of words) printError(each);
      child.disconnect();
      child.stderr?.destroy();
      child.unref();
      resolve(0);
    });
    // `close` follows the end of its output.
    child.once('close', (code) => resolve(code ?? 1));
    child.once('error', fail);
  });
}

/**
 * Reports that this process serves, with messages for the user: a detached process sends them to the process that started
 * it, which then exits.
 */
export function announceReady(words: readonly string[]): void {
  if (process.send === undefined || !isDetached()) {
    for (const each of words) printError(each);
    return;
  }
  process.send(words, () => {
    if (process.connected) process.disconnect();
  });
}
