/** The home of zones in another process, as a worker sees it: questions go to the master, and the answers are promises. */

import type { ZoneDeclaration } from '../config/zone-declaration.js';
import type { ZoneChannel } from './channel.js';
import type { Replies, Request } from './messages.js';
import type { Operation } from './operation.js';
import type { Zone, ZoneHome } from './zone.js';

export interface RemoteHomeOptions {
  /** Told that requests go on without an answer. One sentence. */
  readonly complain: (message: string) => void;
  /** ms for which an answer is awaited. Default 1000. */
  readonly patience?: number;
  /** How many questions may wait at a time; those beyond are not asked. Default 10,000. */
  readonly most?: number;
}

const PATIENCE = 1000;
const MOST = 10_000;
/** ms between two complaints. */
const COMPLAINT_INTERVAL = 60_000;

interface Waiting {
  readonly operation: Operation<unknown, unknown>;
  readonly answer: (answer: unknown) => void;
  /** ms on a clock that nobody sets. */
  readonly until: number;
}

/**
 * A master that is slow or gone must not end the traffic: after a while, or with too many questions waiting, the operation's
 * own `unanswered` holds, and it is said.
 */
export class RemoteHome implements ZoneHome {
  readonly shared = true;
  private readonly patience: number;
  private readonly most: number;
  private readonly complain: (message: string) => void;
  private outbox: Request[] = [];
  /** By the number of the question, the oldest first. */
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Map<number, (news: unknown) => void>();
  private asked = 0;
  private opened = 0;
  private timer: NodeJS.Timeout | null = null;
  private gone = false;
  private complainedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly channel: ZoneChannel,
    { complain, patience = PATIENCE, most = MOST }: RemoteHomeOptions,
  ) {
    this.complain = complain;
    this.patience = patience;
    this.most = most;
    channel.onMessage((message) => this.receive(message as Replies));
    channel.onClose(() => this.end());
  }

  /** Questions that wait for their answers. */
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
    if (this.gone) return this.unanswered(operation, 'the master is gone');
    if (this.waiting.size >= this.most) return this.unanswered(operation, 'too many questions wait for the master');
    const id = ++this.asked;
    this.send({ do: 'run', id, operation: operation.name, question });
    return new Promise<A>((resolve) => {
      this.waiting.set(id, {
        operation: operation as Operation<unknown, unknown>,
        // The answer bears the number of the question, so it is what its operation answers.
        answer: resolve as (answer: unknown) => void,
        until: performance.now() + this.patience,
      });
      this.wake(this.patience);
    });
  }

  tell<Q, A>(operation: Operation<Q, A>, question: Q): void {
    this.send({ do: 'run', id: 0, operation: operation.name, question });
  }

  private send(request: Request): void {
    if (this.gone) return;
    if (this.outbox.push(request) === 1) setImmediate(() => this.flush());
  }

  private flush(): void {
    const { outbox } = this;
    this.outbox = [];
    try {
      if (!this.gone) this.channel.post(outbox);
    } catch {
      this.end();
    }
  }

  private receive(replies: Replies): void {
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
    if (this.waiting.size === 0) this.stopTimer();
  }

  /** Looks at the time after so many ms, and after what has arrived by then was read: this process may have stood still. */
  private wake(ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      setImmediate(() => this.lookAtTime());
    }, ms);
  }

  /** Gives up on the questions that have waited too long. */
  private lookAtTime(): void {
    const now = performance.now();
    for (const [id, { until, operation, answer }] of this.waiting) {
      if (until > now) {
        this.wake(until - now);
        return;
      }
      this.waiting.delete(id);
      this.say(`the master did not answer within ${this.patience} ms`);
      answer(operation.unanswered);
    }
  }

  private end(): void {
    if (this.gone) return;
    this.gone = true;
    this.stopTimer();
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    if (waiting.length > 0) this.say('the master is gone');
    for (const { operation, answer } of waiting) answer(operation.unanswered);
  }

  private stopTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private unanswered<Q, A>(operation: Operation<Q, A>, why: string): Promise<A> {
    this.say(why);
    return Promise.resolve(operation.unanswered);
  }

  private say(why: string): void {
    const now = performance.now();
    if (now - this.complainedAt < COMPLAINT_INTERVAL) return;
    this.complainedAt = now;
    this.complain(`${why}: requests go on without the limits of zones`);
  }
}
