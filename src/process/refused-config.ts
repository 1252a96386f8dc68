/** Error: a configuration that failed its check or could not be started. Nothing was changed. */
import type { Finding } from '../diagnostics/finding.js';

export class RefusedConfig extends Error {
  constructor(
    /** nginx's message (the first, if there are several). Bytes. */
    message: string,
    /** All findings of the check; empty if the start failed. */
    readonly findings: readonly Finding[],
  ) {
    super(message);
  }
}
