/** Limits of handlers in a location. */
import type { Exchange } from '../program/exchange.js';
import { SettingsKey } from '../program/settings-key.js';

export interface ScriptLimits {
  /** `js_timeout`: ms for which an asynchronous handler may take; 0: no limit. */
  readonly timeout: number;
  /**
   * `js_timeout idle=`: ms for which an asynchronous handler may wait without pending work (`PendingWork`) and without sending
   * anything; 0: no limit.
   */
  readonly idle: number;
  /** Whether a request continues as if a handler that failed or took too long had allowed it (`fail=open`). */
  readonly failOpen: boolean;
  /** `js_engine`, by its name in scripts. */
  readonly engine: 'njs' | 'QuickJS';
  /** `js_slow_log`: ms for which a handler may occupy the worker before it is reported; 0: not reported. */
  readonly slow: number;
}

export const SCRIPT_LIMITS = new SettingsKey<ScriptLimits>('script limits', {
  timeout: 0,
  idle: 60_000,
  failOpen: false,
  engine: 'QuickJS',
  slow: 0,
});

/** Whether the request continues although a handler has failed. */
export function failsOpen(x: Exchange): boolean {
  return x.location.settings.get(SCRIPT_LIMITS).failOpen;
}
