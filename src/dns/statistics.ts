/** Events of name resolution that are counted. */

/**
 * `name` and `srv`: lookups of addresses or services by name; `addr`: reverse lookups, always 0, as only
 * nginx's mail proxy does them. The others are responses by their code, and requests that timed out.
 */
export const RESOLVER_EVENTS = [
  'name',
  'srv',
  'addr',
  'noerror',
  'formerr',
  'servfail',
  'nxdomain',
  'notimp',
  'refused',
  'timedout',
  'unknown',
] as const;
export type ResolverEvent = (typeof RESOLVER_EVENTS)[number];

/** In the order of their numbers (RFC 1035 4.1.1). */
const CODES: readonly ResolverEvent[] = ['noerror', 'formerr', 'servfail', 'nxdomain', 'notimp', 'refused'];

/** Receives events of name resolution. */
export interface ResolverReport {
  /** Logs a line of level `error`. */
  note(text: string): void;
  count(event: ResolverEvent): void;
}

/** The event of a response with a code. */
export function eventOfCode(code: number): ResolverEvent {
  return CODES[code] ?? 'unknown';
}
