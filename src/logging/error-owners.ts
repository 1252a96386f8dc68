/** Owners of errors that no caller handles: code of users that runs in this process. */

/** Logs an error that the owner's code has caused; returns false for other errors. */
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
  // First: another that is called once is not removed yet.
  if (owners.size > 0 && !process.listeners(EVENT).includes(rejected)) process.prependListener(EVENT, rejected);
}

/**
 * Rejections of owners do not end a program that contains the proxy. Node treats others as without this listener. If the
 * program has a listener, that one decides about all of them.
 */
function rejected(reason: unknown): void {
  if (process.listenerCount(EVENT) > 1 || logsOwnError(reason, 'rejection')) return;
  process.off(EVENT, rejected);
  void Promise.reject(reason);
  // Node treats it before.
  setImmediate(listen).unref();
}

/** Whether an owner has logged the error. */
export function logsOwnError(error: unknown, kind: 'exception' | 'rejection'): boolean {
  for (const owner of owners) if (owner(error, kind)) return true;
  return false;
}
