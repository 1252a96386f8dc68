/** Error for requests and configurations that cannot be explained. */
import type { Finding } from '../diagnostics/finding.js';

/** The request is invalid, there is no listener for it, or the configuration is rejected. */
export class CannotExplain extends Error {
  constructor(
    /** A sentence. Byte string. */
    message: string,
    /** Errors of the configuration; empty if the cause is something else. */
    readonly findings: readonly Finding[] = [],
    /** The input that has to be corrected. */
    readonly fault: 'request' | 'configuration' = 'request',
  ) {
    super(message);
  }
}
