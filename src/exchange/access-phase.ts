/** The access phase: `satisfy any`, and `auth_delay`; the rule itself: `RULES.access` (`phases.ts`). */

import { logError } from '../program/error-context.js';
import { SettingsKey } from '../program/settings-key.js';
import { OK, type Verdict } from '../program/verdict.js';
import type { EngineExchange } from './engine-exchange.js';

/** `auth_delay`: delay of responses with 401, ms; 0: none. */
export const AUTH_DELAY = new SettingsKey<number>('auth_delay', 0);

/** Above the number of handlers of any phase. */
const PHASE_END = 0x3fffffff;

/** Applies a verdict of the access phase with `satisfy any`; returns true if the phases continue. */
export function satisfiesAny(x: EngineExchange, verdict: Verdict): boolean {
  if (verdict === OK) {
    x.accessStatus = 0;
    // Challenges of handlers that refused are void.
    x.response.remove('www-authenticate');
    x.step = PHASE_END;
    return true;
  }
  if (verdict !== 401 && verdict !== 403) return false;
  // 401 carries the challenge, so it takes precedence over 403.
  if (x.accessStatus !== 401) x.accessStatus = verdict;
  return true;
}

/** Ends an exchange that was denied access; 401 is delayed by `auth_delay`. */
export function refuse(x: EngineExchange, status: number): void {
  const authDelay = x.location.settings.get(AUTH_DELAY);
  if (status !== 401 || authDelay === 0) {
    x.finalize(status);
    return;
  }
  logError(x, 'info', 'delaying unauthorized request');
  const timer = setTimeout(() => x.finalize(status), authDelay);
  x.onFinish({ release: () => clearTimeout(timer) });
}
