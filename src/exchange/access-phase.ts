/** The access phase: `satisfy any`, and `auth_delay`; the rule itself: `RULES.access` (`phases.ts`). */

import { logError } from '../program/error-context.js';
import { SettingsKey } from '../program/settings-key.js';
import { OK, type Verdict } from '../program/verdict.js';
import type { EngineExchange } from './engine-exchange.js';

/** `auth_delay`: delay of responses with 401 and 407, ms; 0: none. */
export const AUTH_DELAY = new SettingsKey<number>('auth_delay', 0);

/** Above the number of handlers of any phase. */
const PHASE_END = 0x3fffffff;

/** Applies a verdict of the access phase with `satisfy any`; returns true if the phases continue. */
export function satisfiesAny(x: EngineExchange, verdict: Verdict): boolean {
  if (verdict === OK) {
    x.accessStatus = 0;
    // Challenges of handlers that refused are void.
    x.response.remove(x.method === 'CONNECT' ? 'proxy-authenticate' : 'www-authenticate');
    x.step = PHASE_END;
    return true;
  }
  if (!isChallenge(verdict) && verdict !== 403) return false;
  // A status with a challenge takes precedence over 403.
  if (!isChallenge(x.accessStatus)) x.accessStatus = verdict;
  return true;
}

/** Ends an exchange that was denied access; 401 and 407 are delayed by `auth_delay`. */
export function refuse(x: EngineExchange, status: number): void {
  const authDelay = x.location.settings.get(AUTH_DELAY);
  if (!isChallenge(status) || authDelay === 0) {
    x.finalize(status);
    return;
  }
  logError(x, 'info', 'delaying unauthorized request');
  const timer = setTimeout(() => x.finalize(status), authDelay);
  x.onFinish({ release: () => clearTimeout(timer) });
}

/** Whether the response asks for credentials: of the server, or of the proxy itself (CONNECT). */
function isChallenge(status: number): boolean {
  return status === 401 || status === 407;
}
