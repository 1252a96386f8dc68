/** TLS sessions by identifier (`ssl_session_cache shared:…`), with the capacity of nginx's zones. */
import { Slab } from './slab.js';

/** Bytes of an entry besides its identifier and session (`ngx_ssl_sess_id_t` on 64-bit systems, as far as it is used). */
const ENTRY = 80;
/** Tree and queue roots, and nginx's text for messages about the zone: its name and these bytes around it. */
const ROOTS = 80;
const LOG_TEXT = 35;
/** Longest session that is stored, bytes; nginx's. */
const MAX_SESSION = 4096;

interface Entry {
  readonly session: string;
  /** ms on the backend's clock. */
  readonly expires: number;
}

/** A stored session, independent of the clock. Byte strings. */
export interface SessionSnapshot {
  readonly id: string;
  readonly session: string;
  /** ms until it expires. */
  readonly left: number;
}

export class TlsSessions {
  /** In the order of their creation. */
  private readonly entries = new Map<string, Entry>();
  private readonly slab: Slab;

  constructor(name: string, size: number) {
    this.slab = new Slab(size);
    this.slab.take(ROOTS);
    this.slab.take(LOG_TEXT + name.length);
  }

  /** Number of sessions. */
  get size(): number {
    return this.entries.size;
  }

  find(id: string, now: number): string | null {
    const entry = this.entries.get(id);
    if (entry === undefined) return null;
    if (entry.expires > now) return entry.session;
    this.remove(id, entry);
    return null;
  }

  /** Stores a session for `lifetime` ms; drops expired ones, and the oldest if there is no room. */
  add(id: string, session: string, lifetime: number, now: number): void {
    if (session.length > MAX_SESSION) return;
    const { entries, slab } = this;
    const before = entries.get(id);
    if (before !== undefined) this.remove(id, before);
    for (const [oldest, entry] of entries) {
      if (entry.expires > now) break;
      this.remove(oldest, entry);
    }
    const bytes = bytesOf(id, session);
    while (!slab.take(bytes)) {
      const [oldest] = entries;
      if (oldest === undefined) return;
      this.remove(...oldest);
    }
    entries.set(id, { session, expires: now + lifetime });
  }

  snapshot(now: number): SessionSnapshot[] {
    return [...this.entries].map(([id, { session, expires }]) => ({ id, session, left: expires - now }));
  }

  /** Adds the sessions of another backend. */
  restore(sessions: readonly SessionSnapshot[], now: number): void {
    for (const { id, session, left } of sessions) if (!this.entries.has(id)) this.add(id, session, left, now);
  }

  private remove(id: string, { session }: Entry): void {
    this.entries.delete(id);
    this.slab.give(bytesOf(id, session));
  }
}

function bytesOf(id: string, session: string): number {
  return ENTRY + id.length + session.length;
}
