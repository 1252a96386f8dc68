/** Operations on the sessions of `sticky learn`. */
import type { Operation } from './operation.js';
import { StickySessions } from './sticky-sessions.js';

export interface SessionQuestion {
  readonly zone: number;
  /** Digest of the session's identifier. */
  readonly key: string;
  /** ms after which an unused session expires. */
  readonly timeout: number;
}

/** Identifier of the peer of a session; null for none. */
export const findSession: Operation<SessionQuestion, string | null> = {
  name: 'sticky find',
  fallback: null,
  run: (owner, { zone, key, timeout }) => owner.zone(zone, StickySessions)?.find(key, timeout, owner.now) ?? null,
};

export interface LearnedSession extends SessionQuestion {
  /** Identifier of the peer. */
  readonly peer: string;
  /** Whether a session that is not known is created. */
  readonly create: boolean;
}

/** Records the use of a session. Returns whether another session was removed to make room. */
export const learnSession: Operation<LearnedSession, boolean> = {
  name: 'sticky learn',
  fallback: false,
  run: (owner, { zone, key, timeout, peer, create }) =>
    owner.zone(zone, StickySessions)?.learn(key, peer, create, timeout, owner.now) ?? false,
};
