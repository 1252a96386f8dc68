/** Events of name resolution that are counted. */

/**
 * `name` and `srv`: names for whose addresses or services name servers are asked; `addr`: addresses whose names are asked for,
 * always 0, as only nginx's mail proxy does that. The others are responses by their code, and requests that timed out.
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

/** Receives what is reported about name servers. */
export interface ResolverReport {
  /** Logs a line of level `error`. */
  note(text: string): void;
  count(event: ResolverEvent): void;
}

/** The event of a response with a code. */
export function eventOfCode(code: number): ResolverEvent {
  return CODES[code] ?? 'unknown';
}
