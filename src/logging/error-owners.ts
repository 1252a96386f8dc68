/** Owners of errors that no caller handles: code of users that runs in this process. */

/** Logs an error caused by the owner's code; returns false for other errors. */
export type ErrorOwner = (error: unknown, kind: 'exception' | 'rejection') => boolean;

const owners = new Set<ErrorOwner>();

/** Adds an owner; the returned function removes it. */
export function addErrorOwner(owner: ErrorOwner): () => void {
  owners.add(owner);
  listen();
  return () => {
    owners.delete(owner);
    if (owners.size === 0) process.off(EVENT, rejected);
  };
}

const EVENT = 'unhandledRejection';

function listen(): void {
  // Prepended, so that a listener of the program that was added with `once` is still counted.
  if (owners.size > 0 && !process.listeners(EVENT).includes(rejected)) process.prependListener(EVENT, rejected);
}

/**
 * Listener that keeps rejections of owners from ending a program that contains the proxy. It rejects other errors again without
 * itself, so that Node's default applies to them, and leaves all rejections to listeners of the program, if there are any.
 */
function rejected(reason: unknown): void {
  if (process.listenerCount(EVENT) > 1 || logsOwnError(reason, 'rejection')) return;
  process.off(EVENT, rejected);
  void Promise.reject(reason);
  // After Node has processed the rejection.
  setImmediate(listen).unref();
}

/** Whether an owner has logged the error. */
export function logsOwnError(error: unknown, kind: 'exception' | 'rejection'): boolean {
  for (const owner of owners) if (owner(error, kind)) return true;
  return false;
}
