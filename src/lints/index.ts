/** Every lint. */
import type { Lint } from './engine/lint.js';
import error_log_off from './error-log-off.js';

export const lints: readonly Lint[] = [error_log_off];
