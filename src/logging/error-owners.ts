/** Owners of errors that no caller handles: code of users that runs in this process. */

/** Logs an error that the owner's code has caused; returns false for other errors. */
export type ErrorOwner = (error: unknown, kind: 'exception' | 'rejection') => boolean;

const owners = new Set<ErrorOwner>();

/** Adds an owner; the returned function removes it. */
export function addErrorOwner(owner: ErrorOwner): () => void {
  owners.add(owner);
  return () => owners.delete(owner);
}

/** Whether an owner has logged the error. */
export function logsOwnError(error: unknown, kind: 'exception' | 'rejection'): boolean {
  for (const owner of owners) if (owner(error, kind)) return true;
  return false;
}
