/** Operations behind `ssl_session_cache shared:…`. */
import type { Operation } from './operation.js';
import { TlsSessions } from './tls-sessions.js';

/** Session of an identifier. Byte strings. */
export const findSession: Operation<{ readonly zone: number; readonly id: string }, string | null> = {
  name: 'ssl_session find',
  fallback: null,
  run: (owner, { zone, id }) => owner.zone(zone, TlsSessions)?.find(id, owner.now) ?? null,
};

export interface AddedSession {
  readonly zone: number;
  readonly id: string;
  readonly session: string;
  /** ms. */
  readonly lifetime: number;
}

/** Stores a session. */
export const addSession: Operation<AddedSession, null> = {
  name: 'ssl_session add',
  fallback: null,
  run(owner, { zone, id, session, lifetime }) {
    owner.zone(zone, TlsSessions)?.add(id, session, lifetime, owner.now);
    return null;
  },
};
