/** Peers of clients' sessions: the contents of a zone of `sticky learn`. */
import { Slab } from './slab.js';

/** Bytes of a session: `ngx_http_upstream_sticky_sess_node_t` on 64-bit systems. */
const ENTRY = 144;
/** The two trees, and nginx's text for messages about the zone: its name and these bytes around it. */
const TREES = 128;
const LOG_TEXT = 27;

interface Session {
  peer: string;
  /** ms on the backend's clock at which it was last used. */
  last: number;
}

/** A session, independent of the clock. */
export interface SessionSnapshot {
  readonly key: string;
  readonly peer: string;
  /** ms since it was last used. */
  readonly age: number;
}

export class StickySessions {
  /** The least recently used first. */
  private readonly sessions = new Map<string, Session>();
  readonly slab: Slab;

  constructor(name: string, size: number) {
    this.slab = new Slab(size);
    this.slab.take(TREES);
    this.slab.take(LOG_TEXT + name.length);
  }

  /** Number of sessions, including those that have expired since the last one was learned. */
  get size(): number {
    return this.sessions.size;
  }

  /** Peer of a session; null if there is none, or it was not used for `timeout` ms. */
  find(key: string, timeout: number, now: number): string | null {
    const session = this.sessions.get(key);
    if (session === undefined) return null;
    if (now - session.last < timeout) return session.peer;
    this.remove(key);
    return null;
  }

  /**
   * Records the use of a session, and its peer; `create`: also if it is not known. Returns whether the least recently used
   * session was removed to make room.
   */
  learn(key: string, peer: string, create: boolean, timeout: number, now: number): boolean {
    const known = this.sessions.get(key);
    if (known !== undefined && now - known.last < timeout) {
      known.peer = peer;
      known.last = now;
      this.sessions.delete(key);
      this.sessions.set(key, known);
      return false;
    }
    if (known !== undefined) this.remove(key);
    this.expire(timeout, now);
    return create && this.add(key, { peer, last: now });
  }

  snapshot(now: number): SessionSnapshot[] {
    return [...this.sessions].map(([key, { peer, last }]) => ({ key, peer, age: now - last }));
  }

  /** Adds the sessions of another backend. */
  restore(sessions: readonly SessionSnapshot[], now: number): void {
    for (const { key, peer, age } of sessions) {
      if (!this.sessions.has(key)) this.add(key, { peer, last: now - age });
    }
  }

  private add(key: string, session: Session): boolean {
    const evicted = !this.slab.take(ENTRY);
    if (evicted) {
      const [oldest] = this.sessions.keys();
      if (oldest === undefined) return false;
      this.remove(oldest);
      this.slab.take(ENTRY);
    }
    this.sessions.set(key, session);
    return evicted;
  }

  private expire(timeout: number, now: number): void {
    for (const [key, { last }] of this.sessions) {
      if (now - last < timeout) return;
      this.remove(key);
    }
  }

  private remove(key: string): void {
    this.sessions.delete(key);
    this.slab.give(ENTRY);
  }
}
