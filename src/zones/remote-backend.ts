/** Zones kept in another process, as seen by a worker: questions are sent to the master, and answers are promises. */

import type { ZoneDeclaration } from '../config/zone-declaration.js';
import type { BlockingChannel } from './blocking-channel.js';
import type { ZoneChannel } from './channel.js';
import type { Replies, Request } from './messages.js';
import type { Operation } from './operation.js';
import { PendingDeadlines } from './pending-deadlines.js';
import { giveBack } from './tickets.js';
import { type Zone, type ZoneBackend, ZoneUnavailable } from './zone.js';

export interface RemoteBackendOptions {
  /** Logs that the master does not respond, and that it responds again. */
  readonly log: (level: 'error' | 'notice', message: string) => void;
  /** For questions that cannot wait for the event loop; without it, `askNow` throws. */
  readonly blocking?: BlockingChannel;
  /** ms to wait for an answer. Default 1000. */
  readonly timeout?: number;
  /** Maximum number of pending questions; further ones are not sent. Default 10,000. */
  readonly maxPending?: number;
}

const TIMEOUT = 1000;
const MAX_PENDING = 10_000;
/** ms between two log messages about an unresponsive master. */
const LOG_INTERVAL = 60_000;

interface PendingQuestion {
  readonly operation: Operation<unknown, unknown>;
  readonly answer: (answer: unknown) => void;
  /** Deadline in ms on a monotonic clock. */
  readonly until: number;
}

/**
 * A master that is slow, stopped or gone must not interrupt traffic: after a timeout, or with too many pending questions,
 * the operation's `fallback` applies. After a first timeout no further question is sent or waits until the master responds
 * again: it has the earlier questions and answers them first.
 */
export class RemoteBackend implements ZoneBackend {
  readonly shared = true;
  private readonly timeout: number;
  private readonly maxPending: number;
  private outbox: Request[] = [];
  /** By number of the question, oldest first. */
  private readonly waiting = new Map<number, PendingQuestion>();
  private readonly listeners = new Map<number, (news: unknown) => void>();
  private asked = 0;
  private opened = 0;
  private readonly deadlines = new PendingDeadlines(
    () => this.oldestDeadline(),
    () => this.timedOut(),
  );
  private gone = false;
  private unresponsive = false;
  /** Tickets of questions that were not sent; the master holds nothing for them. */
  private readonly skipped = new Set<number>();
  private loggedAt = Number.NEGATIVE_INFINITY;
  /** An unresponsive master was logged, but its recovery was not yet. */
  private unresponsiveLogged = false;

  constructor(
    private readonly channel: ZoneChannel,
    private readonly options: RemoteBackendOptions,
  ) {
    const { timeout = TIMEOUT, maxPending = MAX_PENDING } = options;
    this.timeout = timeout;
    this.maxPending = maxPending;
    channel.onMessage((message) => this.receive(message as Replies));
    channel.onClose(() => this.end());
  }

  /** Number of pending questions. */
  get pending(): number {
    return this.waiting.size;
  }

  open(declaration: ZoneDeclaration, listener?: (news: unknown) => void): Zone {
    const id = ++this.opened;
    if (listener !== undefined) this.listeners.set(id, listener);
    this.send({ do: 'open', zone: id, declaration });
    return {
      declaration,
      id,
      close: () => {
        this.listeners.delete(id);
        this.send({ do: 'close', zone: id });
      },
    };
  }

  ask<Q, A>(operation: Operation<Q, A>, question: Q): Promise<A> {
    if (this.gone) return this.skip(operation, question, 'the master process is gone');
    if (this.unresponsive) return this.skip(operation, question, null);
    if (this.waiting.size >= this.maxPending)
      return this.skip(operation, question, 'too many requests to the master are pending');
    const id = ++this.asked;
    this.send({ do: 'run', id, operation: operation.name, question });
    return new Promise<A>((resolve) => {
      this.waiting.set(id, {
        operation: operation as Operation<unknown, unknown>,
        // Answers are matched by number, so this one has the type of its operation.
        answer: resolve as (answer: unknown) => void,
        until: performance.now() + this.timeout,
      });
      this.deadlines.checkAfter(this.timeout);
    });
  }

  askNow<Q, A>(zone: Zone, operation: Operation<Q, A>, question: Q): A {
    const { blocking } = this.options;
    if (blocking === undefined || this.gone) throw new ZoneUnavailable('the master process is gone');
    const { id, declaration } = zone;
    const { answer } = blocking.ask({ zone: id, declaration, operation: operation.name, question }, this.timeout) as {
      readonly answer: A; // the answer of that operation
    };
    return answer;
  }

  tell<Q, A>(operation: Operation<Q, A>, question: Q): void {
    if (this.skipped.size > 0 && typeof question === 'number' && operation.name === giveBack.name) {
      if (this.skipped.delete(question)) return;
    }
    this.send({ do: 'run', id: 0, operation: operation.name, question });
  }

  private send(request: Request): void {
    if (this.gone) return;
    if (this.outbox.push(request) === 1) setImmediate(() => this.flush());
  }

  flush(): void {
    const { outbox } = this;
    if (outbox.length === 0) return;
    this.outbox = [];
    try {
      if (!this.gone) this.channel.post(outbox);
    } catch {
      this.end();
    }
  }

  private receive(replies: Replies): void {
    if (this.unresponsive) this.recover();
    for (const reply of replies) {
      if ('news' in reply) {
        this.listeners.get(reply.zone)?.(reply.news);
        continue;
      }
      const waiting = this.waiting.get(reply.id);
      if (waiting === undefined) continue;
      this.waiting.delete(reply.id);
      waiting.answer(reply.answer);
    }
    if (this.waiting.size === 0) this.deadlines.stop();
  }

  private oldestDeadline(): number | null {
    const [oldest] = this.waiting.values();
    return oldest === undefined ? null : oldest.until;
  }

  /** A question has passed its deadline: gives up on all. */
  private timedOut(): void {
    this.unresponsive = true;
    this.logUnresponsive(`the master process did not answer within ${this.timeout} ms`);
    this.giveUp();
  }

  private giveUp(): void {
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const { operation, answer } of waiting) answer(operation.fallback);
  }

  private recover(): void {
    this.unresponsive = false;
    if (!this.unresponsiveLogged) return;
    this.unresponsiveLogged = false;
    this.options.log('notice', 'the master process answers again: limits of shared zones are enforced');
  }

  /** The answer to a question that is not sent. */
  private skip<Q, A>(operation: Operation<Q, A>, question: Q, complaint: string | null): Promise<A> {
    if (complaint !== null) this.logUnresponsive(complaint);
    if (typeof question === 'object' && question !== null && 'ticket' in question) {
      this.skipped.add(question.ticket as number); // tickets are numbers
    }
    return Promise.resolve(operation.fallback);
  }

  private end(): void {
    if (this.gone) return;
    this.gone = true;
    this.deadlines.stop();
    if (this.waiting.size > 0) this.logUnresponsive('the master process is gone');
    this.giveUp();
  }

  private logUnresponsive(why: string): void {
    const now = performance.now();
    if (now - this.loggedAt < LOG_INTERVAL) return;
    this.loggedAt = now;
    this.unresponsiveLogged = true;
    this.options.log('error', `${why}: the settings *_fail_open apply`);
  }
}
