/** `proxy_read_timeout` of locations whose back ends may send nothing for a long time. */
import type { Span } from '../../../grammar/syntax-tree.js';
import { parseMilliseconds } from '../../config/units.js';
import type { Pass } from './pass.js';

const DEFAULT_TIMEOUT = 60_000;

/** A timeout of at most 60 seconds. */
export interface ShortTimeout {
  /** The value, or the pass directive if the default applies. */
  readonly at: Span;
  /** The time, for messages. */
  readonly limit: string;
  /** Start of the help. */
  readonly help: string;
}

/** Returns the timeout in effect for a pass directive if it is short; null if it is not, or not a constant. */
export function shortReadTimeout({ scope, statement }: Pass): ShortTimeout | null {
  const value = scope.effective('proxy_read_timeout')[0]?.args[0];
  const advice = 'increase it in this location (proxy_read_timeout 1h;)';
  if (value === undefined) {
    const help = `this is the default of proxy_read_timeout: ${advice}`;
    return { at: statement, limit: '60 seconds', help };
  }
  const time = parseMilliseconds(value.text);
  return time === null || time > DEFAULT_TIMEOUT ? null : { at: value, limit: value.text, help: advice };
}
