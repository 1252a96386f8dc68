/**
 * A store of zones, as seen by one process: rates and connections that several machines count together. While it does not
 * respond, its questions are answered with null, and the caller decides.
 */
import { randomBytes } from 'node:crypto';
import { PASSED, type RateAnswer, type RateLimit } from '../limits.js';
import { StoreConnection } from './connection.js';
import { StoreRefused } from './errors.js';
import { HeldConnections, type LocalZones } from './held-connections.js';
import { RateLeases } from './rate-leases.js';
import {
  COUNT_RATES,
  END_CONNECTIONS,
  FIND_SESSION,
  LEARN_SESSION,
  REGISTER_NODE,
  RENEW_CONNECTIONS,
  type Script,
  TAKE_CONNECTIONS,
} from './scripts.js';
import type { StoreSecrets, StoreSettings } from './settings.js';

/** ms between registrations of this node, and for which one is valid. */
const REGISTER_INTERVAL = 1000;
const REGISTERED_FOR = 5000;
/** Connections that one call of a script renews or ends. */
const BATCH = 500;
/** Questions about rates in one call: the store does nothing else meanwhile. */
const MAX_BATCH = 100;
/** ms for bringing the store up to date after a failure, and for its first answer. */
const SYNC_TIMEOUT = 5000;
/** Characters of the identifier of a peer; longer ones are not those of tsproxy. */
const MAX_PEER = 1024;
/** ms between two log messages about a store that does not respond. */
const LOG_INTERVAL = 60_000;

export interface StoreOptions {
  readonly settings: StoreSettings;
  readonly secrets: StoreSecrets;
  /** Identifies this machine's proxy: the same in all of its processes. */
  readonly node: string;
  readonly log: (level: 'error' | 'warn' | 'notice', message: string) => void;
}

/** Counts for metrics. */
export interface StoreCounts {
  /** Calls of scripts. */
  calls: number;
  /** Times at which it was found not to respond. */
  failures: number;
  /** Requests that were counted in advance (`store_lease=`). */
  leased: number;
}

/** A rate for a key of the store. */
export interface StoredRate extends Omit<RateLimit, 'zone'> {
  /** Number of requests to count at once, 1 or more. */
  readonly lease: number;
}

/** A question about rates that is not sent yet. */
interface RateQuestion {
  readonly limits: readonly StoredRate[];
  /** Number of requests to count at once for each of them. */
  readonly leases: readonly number[];
  readonly resolve: (answer: RateAnswer | null) => void;
}

/** A maximum of connections for a key of the store. */
export interface StoredMaximum {
  readonly key: string;
  readonly max: number;
}

export class Store {
  readonly counts: StoreCounts = { calls: 0, failures: 0, leased: 0 };
  private readonly connection: StoreConnection;
  private readonly held: HeldConnections;
  private readonly leases = new RateLeases();
  private readonly nodesKey: string;
  private batch: RateQuestion[] = [];
  private nodeCount = 1;
  private isStarted = false;
  private wasUp = false;
  private heartbeat: NodeJS.Timeout | null = null;
  private renewal: NodeJS.Timeout | null = null;
  private renewing = false;
  private loggedAt = Number.NEGATIVE_INFINITY;
  private failureLogged = false;

  constructor(private readonly options: StoreOptions) {
    const { settings, secrets } = options;
    this.nodesKey = `${settings.prefix}nodes`;
    this.held = new HeldConnections(randomBytes(9).toString('base64url'));
    this.connection = new StoreConnection({
      settings,
      secrets,
      prepare: () => this.prepare(),
      up: () => this.up(),
      down: (why) => this.down(why),
      failed: (why) => this.logFailure(why),
    });
  }

  get name(): string {
    return this.options.settings.name;
  }

  /** Whether it responds. */
  get isUp(): boolean {
    return this.connection.isUp;
  }

  /** Number of nodes last seen, this one included. */
  get nodes(): number {
    return this.nodeCount;
  }

  /** Key of a value of a zone. The identity of the zone makes keys of different zones distinct. */
  key(zone: string, key: string): string {
    return `${this.options.settings.prefix}${zone}:${key}`;
  }

  /** Whether it was told to connect. */
  get started(): boolean {
    return this.isStarted;
  }

  /** Imports the package that speaks to it. */
  load(): Promise<void> {
    return this.connection.load();
  }

  /** Connects, after `load`; rejects if the first attempt fails, and continues to try. */
  start(): Promise<void> {
    this.isStarted = true;
    return this.connection.attempt();
  }

  /** Logs that it is not available at the start. */
  logUnavailable({ message }: Error): void {
    this.logged('warn', `${this.subject} is not available (${message}): "store_failure" of its zones applies`);
  }

  close(): void {
    this.stopTimers();
    if (this.isUp) {
      for (const [keys, args] of batches(this.held.all())) void this.run(END_CONNECTIONS, keys, args).catch(() => {});
    }
    this.connection.close();
  }

  // -- rates

  /** Counts a request; null if the store does not respond. */
  count(limits: readonly StoredRate[]): RateAnswer | Promise<RateAnswer | null> {
    if (this.leases.take(limits)) {
      this.counts.leased++;
      return PASSED;
    }
    return this.isUp ? this.countInStore(limits) : Promise.resolve(null);
  }

  private countInStore(limits: readonly StoredRate[]): Promise<RateAnswer | null> {
    return new Promise((resolve) => {
      const leases = this.leases.request(limits);
      if (this.batch.push({ limits, leases, resolve }) === 1) setImmediate(() => this.sendBatch());
      else if (this.batch.length === MAX_BATCH) this.sendBatch();
    });
  }

  /** Puts the questions of a turn of the event loop in one call: most of its cost does not depend on their number. */
  private sendBatch(): void {
    const { batch } = this;
    if (batch.length === 0) return;
    this.batch = [];
    const keys: string[] = [];
    const args: number[] = [];
    for (const { limits, leases } of batch) {
      args.push(limits.length);
      for (let i = 0; i < limits.length; i++) {
        const { key, rate, burst, delay, cost = 1000 } = limits[i] as StoredRate;
        keys.push(key);
        args.push(rate, burst, delay, cost, leases[i] ?? 1);
      }
    }
    const answer = (replies: readonly unknown[]): void => {
      for (let i = 0; i < batch.length; i++) this.answerRates(batch[i] as RateQuestion, replies[i]);
    };
    this.run(COUNT_RATES, keys, args).then(
      (replies) => answer(Array.isArray(replies) ? replies : []),
      () => answer([]),
    );
  }

  private answerRates({ limits, leases, resolve }: RateQuestion, reply: unknown): void {
    const numbers = isNumbers(reply) && reply.length >= 4 ? reply : null;
    this.leases.answered(limits, leases, numbers?.slice(4) ?? []);
    if (numbers === null) {
      resolve(null);
      return;
    }
    const [code, excess, limitIndex, delay] = numbers as [number, number, number, number]; // checked above
    if (code === 1) resolve({ result: 'beyond', excess, limitIndex, delay: 0 });
    else resolve(code === 2 ? { result: 'delayed', excess, limitIndex, delay } : PASSED);
  }

  // -- connections

  /**
   * Counts a connection under a ticket; returns the number of the limit that refuses, from 1, or 0; null if the store does not
   * respond. Then `adopt` is to be called if it is admitted nevertheless. `local`: zones that count it while the store does not
   * respond later.
   */
  async take(ticket: number, limits: readonly StoredMaximum[], local: LocalZones): Promise<number | null> {
    if (!this.isUp) return null;
    const keys = limits.map(({ key }) => key);
    const member = this.held.begin(ticket, keys, local);
    const maxima = limits.map(({ max }) => max);
    const reply = await this.ask(TAKE_CONNECTIONS, keys, [member, this.options.settings.lease, ...maxima]);
    const refusedBy = typeof reply === 'number' ? reply : null;
    this.held.answered(ticket, refusedBy);
    return refusedBy;
  }

  /**
   * Counts a connection that this node admitted while the store did not respond; it is added when that responds again.
   * `mirrored`: the ticket under which `local` counts it until then; 0: it does not.
   */
  adopt(ticket: number, keys: readonly string[], local: LocalZones, mirrored: number): void {
    this.held.adopt(ticket, keys, local, mirrored);
    if (!this.isUp) return;
    this.addMissing();
    this.held.unmirror();
  }

  /** Ends a connection, whether `take` was answered or not. */
  release(ticket: number): void {
    const ended = this.held.release(ticket, this.isUp);
    if (ended === null) return;
    const { keys, member } = ended;
    // After an earlier `take`, in the order of the calls.
    const members = keys.map(() => member);
    void this.run(END_CONNECTIONS, keys, members).catch(() => this.held.addStale(keys, member));
  }

  /** Number of connections of this process. */
  get connections(): number {
    return this.held.size;
  }

  // -- sessions

  /** The peer of a session, null for none; undefined if the store does not respond. `timeout`: ms. */
  async findSession(key: string, timeout: number): Promise<string | null | undefined> {
    if (!this.isUp) return undefined;
    const peer = await this.ask(FIND_SESSION, [key], [timeout]);
    if (typeof peer !== 'string') return undefined;
    return peer === '' || peer.length > MAX_PEER ? null : peer;
  }

  /** Records the use of a session; a new one only if it is to be created. */
  learnSession(key: string, peer: string, create: boolean, timeout: number): void {
    if (this.isUp) void this.ask(LEARN_SESSION, [key], [timeout, peer, create ? 1 : 0]);
  }

  // -- the connection to the store

  private run(...args: Parameters<StoreConnection['run']>): Promise<unknown> {
    this.counts.calls++;
    return this.connection.run(...args);
  }

  private async ask(...args: Parameters<StoreConnection['run']>): Promise<unknown> {
    try {
      return await this.run(...args);
    } catch {
      return null;
    }
  }

  /** Checks that every script may be run, and adds the connections that are counted here only. */
  private async prepare(): Promise<void> {
    const { settings } = this.options;
    // An earlier attempt may have failed halfway.
    this.held.lost();
    // A store that answers too late is not used again; the rest, and the start of a busy process, may take longer.
    await this.register(this.wasUp ? settings.timeout : SYNC_TIMEOUT);
    // Two keys, which a cluster keeps in different slots: calls with both would be refused later.
    const keys = ['a', 'b'].map((each) => `${settings.prefix}check:${each}:${this.held.owner}`);
    const check = (script: Script, count: number, ...args: (string | number)[]) =>
      this.run(script, keys.slice(0, count), args, SYNC_TIMEOUT);
    await Promise.all([
      check(COUNT_RATES, 2, 2, 1000, 0, 0, 1000, 1, 1000, 0, 0, 1000, 1),
      check(TAKE_CONNECTIONS, 2, 'check', 1000, 1, 1),
      check(RENEW_CONNECTIONS, 2, 1000, 'check', 'check'),
      check(END_CONNECTIONS, 2, 'check', 'check'),
      check(LEARN_SESSION, 1, 1000, 'check', 1),
      check(FIND_SESSION, 1, 0),
    ]);
    for (const [keys, args] of batches(this.held.takeStale()))
      await this.run(END_CONNECTIONS, keys, args, SYNC_TIMEOUT);
    for (const [keys, args] of batches(this.held.takeMissing())) await this.renew(keys, args, SYNC_TIMEOUT);
  }

  private up(): void {
    this.wasUp = true;
    // Changes since `prepare` began are sent before any question.
    for (const [keys, args] of batches(this.held.takeStale()))
      void this.run(END_CONNECTIONS, keys, args).catch(() => {});
    this.addMissing();
    this.held.unmirror();
    this.heartbeat = setInterval(() => void this.register().catch(() => {}), REGISTER_INTERVAL).unref();
    this.scheduleRenewals();
    if (!this.failureLogged) return;
    this.failureLogged = false;
    this.options.log('notice', `${this.subject} responds again`);
  }

  private down(why: Error): void {
    this.counts.failures++;
    this.stopTimers();
    this.leases.clear();
    this.held.lost();
    this.logFailure(why);
  }

  private stopTimers(): void {
    if (this.heartbeat !== null) clearInterval(this.heartbeat);
    if (this.renewal !== null) clearInterval(this.renewal);
    this.heartbeat = null;
    this.renewal = null;
  }

  private async register(timeout?: number): Promise<void> {
    const reply = await this.run(REGISTER_NODE, [this.nodesKey], [this.options.node, REGISTERED_FOR], timeout);
    if (typeof reply === 'number' && reply >= 1) this.nodeCount = reply;
  }

  private renew(keys: readonly string[], members: readonly string[], timeout?: number): Promise<unknown> {
    return this.run(RENEW_CONNECTIONS, keys, [this.options.settings.lease, ...members], timeout);
  }

  private addMissing(): void {
    for (const [keys, args] of batches(this.held.takeMissing())) void this.renew(keys, args).catch(() => {});
  }

  /** One call after the other, so that questions do not wait for all of them. */
  private async renewAll(): Promise<void> {
    if (this.renewing) return;
    this.renewing = true;
    try {
      for (const [keys, args] of batches(this.held.all())) await this.renew(keys, args);
    } catch {
      // The connection failed: the next one begins with a renewal.
    } finally {
      this.renewing = false;
    }
  }

  /** The first renewal comes after a random time, because all processes may have connected at the same time. */
  private scheduleRenewals(): void {
    const interval = this.options.settings.lease / 3;
    this.renewal = setTimeout(() => {
      void this.renewAll();
      this.renewal = setInterval(() => void this.renewAll(), interval).unref();
    }, interval * Math.random()).unref();
  }

  private get subject(): string {
    return `zone store "${this.name}" (${this.options.settings.address})`;
  }

  private logFailure(why: Error): void {
    const problem = why instanceof StoreRefused ? 'cannot be used' : 'does not respond';
    this.logged('error', `${this.subject} ${problem} (${why.message}): "store_failure" of its zones applies`);
  }

  private logged(level: 'error' | 'warn', message: string): void {
    const now = performance.now();
    if (this.failureLogged || now - this.loggedAt < LOG_INTERVAL) return;
    this.loggedAt = now;
    this.failureLogged = true;
    this.options.log(level, message);
  }
}

function isNumbers(reply: unknown): reply is readonly number[] {
  return Array.isArray(reply) && reply.every((each) => typeof each === 'number');
}

/** Pairs of key and member, in calls of a script. They are taken from `pairs` when the call is made. */
function* batches(pairs: Iterable<readonly [key: string, member: string]>): Generator<[string[], string[]]> {
  let keys: string[] = [];
  let members: string[] = [];
  for (const [key, member] of pairs) {
    keys.push(key);
    members.push(member);
    if (keys.length < BATCH) continue;
    yield [keys, members];
    keys = [];
    members = [];
  }
  if (keys.length > 0) yield [keys, members];
}
