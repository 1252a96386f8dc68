/** The local CA cannot be used; the message is for the user. */
export class LocalCaError extends Error {}

/** A file or directory belongs to another user, or others can read or change it. */
export class NotPrivateError extends LocalCaError {}

/** Runs a function; throws LocalCaError for errors of the system. `directory`: that of the CA. */
export function withReadableErrors<T>(directory: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof LocalCaError) throw error;
    throw new LocalCaError(
      `the local CA in "${directory}" cannot be used: ${message}; $TSPROXY_CA_DIRECTORY names another directory`,
    );
  }
}
