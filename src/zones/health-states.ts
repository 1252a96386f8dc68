/**
 * Results of the active health checks of upstream servers, and the worker that executes them: the contents of a zone.
 * Checks of a peer are counted here, so that another worker can continue if one exits.
 */
import type { NotifiedUser } from './zone-users.js';

/** State of a peer according to one check. `checking`: it gets no requests before the first result (`mandatory`). */
export type Health = 'up' | 'checking' | 'unhealthy';

/** A check that a configuration declares. */
export interface DeclaredCheck {
  /** Identifies the check within the zone, also in later configurations. */
  readonly key: string;
  /** Whether states are kept when a configuration is put in force. */
  readonly persistent: boolean;
}

/** Result of a check of a peer. */
export interface CheckResult {
  readonly check: string;
  readonly peer: string;
  readonly passed: boolean;
  /** Consecutive failures after which a peer is unhealthy, and successes after which it is up again. */
  readonly fails: number;
  readonly passes: number;
  /** State of a peer without earlier results. */
  readonly initial: Health;
  /** ms since 1970. */
  readonly time: number;
}

/** Counts of a peer under one check. Plain data. */
export interface PeerHealth {
  readonly check: string;
  readonly peer: string;
  readonly state: Health;
  /** Consecutive results of the same kind: positive for successes, negative for failures. */
  readonly streak: number;
  readonly checks: number;
  readonly fails: number;
  /** Number of changes to `unhealthy`. */
  readonly unhealthy: number;
  /** ms since 1970 of the last result. */
  readonly checked: number;
  readonly lastPassed: boolean;
}

/** An update for a worker. */
export type HealthNews =
  /** Whether the worker executes the checks. */
  | { readonly isLeader: boolean }
  /** The state of a peer has changed. */
  | { readonly check: string; readonly peer: string; readonly state: Health };

interface Member {
  readonly owner: NotifiedUser;
  readonly zone: number;
  readonly generation: number;
}

type Counts = { -readonly [K in keyof PeerHealth]: PeerHealth[K] };

export class HealthStates {
  /** Tables in force, in the order in which they joined. */
  private members: Member[] = [];
  private leader: Member | null = null;
  /** Newest generation that has joined. */
  private generation = 0;
  /** Counts by check, then by peer. */
  private checks = new Map<string, Map<string, Counts>>();

  /**
   * Called when a table of the generation is in force in a worker, which then receives updates and may be chosen to execute
   * the checks. The first table of a generation resets the checks that are not persistent.
   */
  join(owner: NotifiedUser, zone: number, generation: number, declared: readonly DeclaredCheck[]): PeerHealth[] {
    if (generation > this.generation) {
      this.generation = generation;
      const kept = new Map<string, Map<string, Counts>>();
      for (const { key, persistent } of declared) {
        const known = this.checks.get(key);
        if (persistent && known !== undefined) kept.set(key, known);
      }
      this.checks = kept;
    }
    this.members = this.members.filter((member) => member.owner !== owner || member.zone !== zone);
    this.members.push({ owner, zone, generation });
    this.elect();
    return this.snapshot();
  }

  /** Called when the table is no longer in force, or its worker has exited. */
  leave(owner: NotifiedUser, zone: number): void {
    this.members = this.members.filter((member) => member.owner !== owner || member.zone !== zone);
    this.elect();
  }

  /** Counts a result; all workers learn a change of the state. Returns the counts. */
  count({ check, peer, passed, fails, passes, initial, time }: CheckResult): PeerHealth {
    const counts = this.countsOf(check, peer, initial);
    const { state } = counts;
    counts.checks++;
    counts.checked = time;
    counts.lastPassed = passed;
    if (passed) {
      counts.streak = Math.max(counts.streak, 0) + 1;
      if (state === 'checking' || counts.streak >= passes) counts.state = 'up';
    } else {
      counts.fails++;
      counts.streak = Math.min(counts.streak, 0) - 1;
      if (state === 'checking' || -counts.streak >= fails) counts.state = 'unhealthy';
      if (counts.state === 'unhealthy' && state !== 'unhealthy') counts.unhealthy++;
    }
    if (counts.state !== state) this.announce({ check, peer, state: counts.state });
    return { ...counts };
  }

  /** Drops the results of peers that the upstream no longer has. */
  forget(check: string, peers: readonly string[]): void {
    for (const peer of peers) this.checks.get(check)?.delete(peer);
  }

  snapshot(): PeerHealth[] {
    return [...this.checks.values()].flatMap((peers) => [...peers.values()].map((counts) => ({ ...counts })));
  }

  /** Adds the results of another backend. */
  restore(results: readonly PeerHealth[]): void {
    for (const result of results) Object.assign(this.countsOf(result.check, result.peer, result.state), result);
  }

  private countsOf(check: string, peer: string, state: Health): Counts {
    let peers = this.checks.get(check);
    if (peers === undefined) this.checks.set(check, (peers = new Map()));
    let counts = peers.get(peer);
    if (counts === undefined) {
      counts = { check, peer, state, streak: 0, checks: 0, fails: 0, unhealthy: 0, checked: 0, lastPassed: false };
      peers.set(peer, counts);
    }
    return counts;
  }

  /** Chooses the first table of the newest generation. */
  private elect(): void {
    const newest = Math.max(...this.members.map(({ generation }) => generation));
    const leader = this.members.find(({ generation }) => generation === newest) ?? null;
    const { leader: before } = this;
    if (leader === before) return;
    this.leader = leader;
    if (before !== null && this.members.includes(before)) before.owner.notify(before.zone, { isLeader: false });
    leader?.owner.notify(leader.zone, { isLeader: true });
  }

  private announce(news: HealthNews): void {
    for (const { owner, zone } of this.members) owner.notify(zone, news);
  }
}
