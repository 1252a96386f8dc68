/** Bindings by sessions that are observed: `sticky learn`. */
import { createHash } from 'node:crypto';
import type { ErrorLog } from '../../logging/error-log.js';
import type { Exchange } from '../../program/exchange.js';
import type { Variable } from '../../program/variable.js';
import type { Peer } from '../../upstream/peer.js';
import type { Binding, Stickiness } from '../../upstream/stickiness.js';
import { findSession, learnSession } from '../../zones/sticky-operations.js';
import type { Zone, ZoneBackend } from '../../zones/zone.js';
import { firstValue } from './first-value.js';
import type { LearnData } from './parameters.js';

/** Sessions are stored under a digest: their identifiers may be long, and are secrets. */
function digest(id: string): string {
  return createHash('sha256').update(id, 'latin1').digest('base64').slice(0, 24);
}

/** `sticky learn` of an upstream. */
export class LearnedStickiness implements Stickiness {
  readonly method = 'sticky learn';

  constructor(
    private readonly data: LearnData,
    readonly lookup: readonly Variable[],
    readonly create: readonly Variable[],
    private readonly zone: Zone,
    private readonly zones: ZoneBackend,
    private readonly errorLog: ErrorLog,
  ) {}

  get header(): boolean {
    return this.data.header;
  }

  begin(x: Exchange): Binding {
    return new LearnedBinding(x, firstValue(this.lookup, x), this);
  }

  find(id: string): string | Promise<string> {
    const answer = this.zones.ask(findSession, { zone: this.zone.id, key: digest(id), timeout: this.data.timeout });
    return answer instanceof Promise ? answer.then((peer) => peer ?? '') : (answer ?? '');
  }

  /** Records a request of a session; a new one is created if its identifier is `created` by the request. */
  learn(id: string, peer: string, created: boolean): void {
    const { timeout } = this.data;
    const question = { zone: this.zone.id, key: digest(id), timeout, peer, create: created };
    const answer = this.zones.ask(learnSession, question);
    // The client's next request may be received by another worker, or this one may be killed.
    this.zones.flush();
    if (answer instanceof Promise) void answer.then((evicted) => this.logEviction(evicted));
    else this.logEviction(answer);
  }

  private logEviction(evicted: boolean): void {
    if (!evicted) return;
    const message = `could not allocate node in sticky session zone "${this.data.zone}", expiring least recently used session`;
    this.errorLog.write('warn', message);
  }
}

class LearnedBinding implements Binding {
  constructor(
    private readonly x: Exchange,
    private readonly id: string,
    private readonly sticky: LearnedStickiness,
  ) {}

  find(): string | Promise<string> {
    return this.id === '' ? '' : this.sticky.find(this.id);
  }

  selected(): void {}

  headReceived(peer: Peer): void {
    if (this.sticky.header) this.learn(peer);
  }

  ended(peer: Peer): void {
    if (!this.sticky.header) this.learn(peer);
  }

  upgraded(peer: Peer): (() => void) | null {
    const { sticky } = this;
    const session = this.session();
    if (sticky.header || session === null) return null;
    return learnAtBothEnds(sticky, session, peer.id);
  }

  private learn(peer: Peer): void {
    const session = this.session();
    if (session !== null) this.sticky.learn(session.id, peer.id, session.created);
  }

  /** The session of the request: the one that the response creates, or the one that the client has. */
  private session(): LearnedId | null {
    const created = firstValue(this.sticky.create, this.x);
    if (created !== '') return { id: created, created: true };
    return this.id === '' ? null : { id: this.id, created: false };
  }
}

interface LearnedId {
  readonly id: string;
  readonly created: boolean;
}

/** Learns a session when its tunnel begins, and again when it has ended: until then, the session was in use. */
function learnAtBothEnds(sticky: LearnedStickiness, { id, created }: LearnedId, peer: string): () => void {
  sticky.learn(id, peer, created);
  return () => sticky.learn(id, peer, created);
}
