/** Sessions of TLS 1.2 and older by their identifiers, for clients without tickets (`ssl_session_cache`). */
import type { SessionStore } from '../net/tls-engine.js';

/** Bytes of a shared cache per session: nginx states 4,000 sessions per megabyte. */
const BYTES_PER_SESSION = 262;

interface Cached {
  readonly session: Buffer;
  /** ms since 1970. */
  readonly expires: number;
}

export class SessionCache implements SessionStore {
  /** In the order of their creation. */
  private readonly sessions = new Map<string, Cached>();

  /** `max`: number of sessions; the oldest is dropped for a further one. `timeout` in s. */
  constructor(
    private readonly max: number,
    private readonly timeout: number,
  ) {}

  find(id: Buffer): Buffer | null {
    const cached = this.sessions.get(id.latin1Slice());
    return cached === undefined || cached.expires <= Date.now() ? null : cached.session;
  }

  add(id: Buffer, session: Buffer): void {
    const { sessions } = this;
    const key = id.latin1Slice();
    sessions.delete(key);
    const now = Date.now();
    sessions.set(key, { session: Buffer.from(session), expires: now + this.timeout * 1000 });
    for (const [oldest, { expires }] of sessions) {
      if (sessions.size <= this.max && expires > now) break;
      sessions.delete(oldest);
    }
  }
}

/** Sessions that a shared cache of this size holds. */
export function sessionsOf(bytes: number): number {
  return Math.max(1, Math.floor(bytes / BYTES_PER_SESSION));
}
