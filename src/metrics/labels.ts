/** Labels of statuses and locations. */
import { statusText } from '../http/status-text.js';

/** Name of a location in labels: the pattern, with `= ` for an exact one; empty for the server's own level. */
export function locationLabel({ name, exact }: { readonly name: string; readonly exact?: boolean }): string {
  return exact === true ? `= ${name}` : name;
}

/** Label of a status: its number if it is registered, otherwise its class, because servers may send any number. */
export function codeLabel(status: number): string {
  if (status >= 100 && status < 600 && isKnown(status)) return String(status);
  return status >= 100 && status < 1000 ? `${Math.trunc(status / 100)}xx` : 'other';
}

function isKnown(status: number): boolean {
  // The status line of unregistered statuses has no reason after the code and a space.
  return OWN_STATUSES.has(status) || statusText(status).length > 4;
}

/** Statuses of nginx that are only logged. */
const OWN_STATUSES: ReadonlySet<number> = new Set([444, 494, 495, 496, 497, 499]);
