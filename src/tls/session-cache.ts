/** Sessions of TLS 1.2 and older by their identifiers, for clients without tickets (`ssl_session_cache`). */
import type { SessionStore } from '../net/tls-engine.js';
import { addValue, findValue } from '../zones/value-operations.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';

interface Cached {
  readonly session: Buffer;
  /** ms since 1970. */
  readonly expires: number;
}

/** Cache of one process (`builtin`). */
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

/** Cache of all processes (`shared`). Closed with its table. */
export class SharedSessionCache implements SessionStore {
  private readonly zone: Zone;

  /** `timeout` in s. */
  constructor(
    private readonly zones: ZoneBackend,
    { name, size }: { readonly name: string; readonly size: number },
    private readonly timeout: number,
  ) {
    this.zone = zones.open({ kind: 'ssl_session', name, size, key: '' });
  }

  find(id: Buffer): Buffer | null | Promise<Buffer | null> {
    const found = this.zones.ask(findValue, { zone: this.zone.id, key: id.latin1Slice() });
    return found instanceof Promise ? found.then(decode) : decode(found);
  }

  add(id: Buffer, session: Buffer): void {
    const [key, value] = [id.latin1Slice(), session.latin1Slice()];
    this.zones.tell(addValue, { zone: this.zone.id, key, value, lifetime: this.timeout * 1000 });
  }

  close(): void {
    this.zone.close();
  }
}

function decode(session: string | null): Buffer | null {
  return session === null ? null : Buffer.from(session, 'latin1');
}
