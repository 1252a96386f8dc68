/** Why there is nothing to explain. */
import type { Finding } from '../diagnostics/finding.js';

/** The request makes no sense, nothing listens there, or the configuration is refused. */
export class CannotExplain extends Error {
  constructor(
    /** A sentence. Bytes. */
    message: string,
    /** What is wrong with the configuration; empty where it is something else. */
    readonly findings: readonly Finding[] = [],
    /** What is to be mended. */
    readonly fault: 'request' | 'configuration' = 'request',
  ) {
    super(message);
  }
}
