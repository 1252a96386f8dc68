/** Verification of passwords outside the event loop: a small pool of threads with bounded queues. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { FairQueue } from './fair-queue.js';

/** Threads of the pool; one processor is left to the event loop. */
const MAX_THREADS = Math.min(4, Math.max(1, availableParallelism() - 1));
/** Passwords that wait for a thread: of all clients, and of one client address. */
const MAX_QUEUE = 256;
const MAX_QUEUE_PER_CLIENT = 32;
/** Time in ms after which a password is not verified any more. */
const MAX_WAIT = 10_000;
/** Time in ms after which an idle thread ends. */
const IDLE_TIMEOUT = 10_000;
/** Time in ms for one password; a hash with an extreme number of rounds would occupy a thread for days. */
const VERIFY_TIMEOUT = 30_000;

/** Message to a thread, which responds with a boolean. Byte strings. */
export interface ThreadRequest {
  readonly password: string;
  readonly hash: string;
}

interface Job {
  readonly request: ThreadRequest;
  /** Time of its arrival, ms. */
  readonly since: number;
  /** Whether the result is still needed: clients may leave while their passwords wait. */
  needed(): boolean;
  resolve(matches: boolean): void;
  reject(error: Error): void;
}

/** A password cannot be verified: too many are waiting, or the thread failed. */
export class VerificationError extends Error {
  constructor(
    message: string,
    /** Whether the cause is the load, so that the client may try again. */
    readonly overload: boolean,
  ) {
    super(message);
  }
}

let threadCode: string | null = null;

/**
 * Reads the code of the threads. Called while a configuration is prepared, because a worker process that has changed its user
 * may not be able to read files of the program any more.
 */
export function loadThreadCode(): string {
  threadCode ??= readFileSync(new URL('../bundle/thread.cjs', import.meta.url), 'utf8');
  return threadCode;
}

/** One thread with its current job. */
class Thread {
  private readonly worker = new Worker(loadThreadCode(), { eval: true, execArgv: [] });
  private job: Job | null = null;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly pool: PasswordVerifier) {
    this.worker.on('message', (matches: boolean) => {
      const { job } = this;
      this.job = null;
      this.stopTimer();
      job?.resolve(matches);
      this.next();
    });
    this.worker.on('error', (error) => this.fail(error.message));
  }

  get idle(): boolean {
    return this.job === null;
  }

  start(job: Job): void {
    this.job = job;
    this.stopTimer();
    this.timer = setTimeout(() => this.fail(`no result in ${VERIFY_TIMEOUT / 1000} s`), VERIFY_TIMEOUT).unref();
    this.worker.ref();
    this.worker.postMessage(job.request);
  }

  private next(): void {
    const job = this.pool.takeJob();
    if (job !== null) this.start(job);
    else {
      // An idle thread does not keep the process alive.
      this.worker.unref();
      this.timer = setTimeout(() => this.end(), IDLE_TIMEOUT).unref();
    }
  }

  private fail(message: string): void {
    const { job } = this;
    this.job = null;
    this.end();
    job?.reject(new VerificationError(`password could not be verified: ${message}`, false));
    this.pool.replace();
  }

  private end(): void {
    this.stopTimer();
    this.pool.remove(this);
    void this.worker.terminate();
  }

  private stopTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

/** Pool of threads. */
export class PasswordVerifier {
  private readonly threads = new Set<Thread>();
  private readonly queue = new FairQueue<Job>(MAX_QUEUE, MAX_QUEUE_PER_CLIENT);

  /**
   * Whether a hash is that of the password. `client`: address of the client; those of different clients are verified in turn.
   * `needed` is called when a thread is free; without need the result is false. Rejects with `VerificationError`.
   */
  verify(client: string, password: string, hash: string, needed: () => boolean): Promise<boolean> {
    return new Promise<boolean>((resolve, reject) => {
      const job: Job = { request: { password, hash }, since: performance.now(), needed, resolve, reject };
      const thread = this.idleThread();
      if (thread !== null) thread.start(job);
      else if (!this.queue.push(client, job))
        reject(new VerificationError('too many passwords are waiting for verification', true));
    });
  }

  /** Removes the next job from the queue whose result is needed; null if there is none. */
  takeJob(): Job | null {
    const oldest = performance.now() - MAX_WAIT;
    for (const late of this.queue.removeWhere(({ since }) => since < oldest)) {
      late.reject(new VerificationError('password waited too long for verification', true));
    }
    for (let job = this.queue.shift(); job !== null; job = this.queue.shift()) {
      if (job.needed()) return job;
      job.resolve(false);
    }
    return null;
  }

  remove(thread: Thread): void {
    this.threads.delete(thread);
  }

  /** Starts a thread for the queue after one has failed. */
  replace(): void {
    if (this.queue.length === 0) return;
    const thread = this.idleThread();
    const job = thread === null ? null : this.takeJob();
    if (thread !== null && job !== null) thread.start(job);
  }

  private idleThread(): Thread | null {
    for (const thread of this.threads) if (thread.idle) return thread;
    if (this.threads.size >= MAX_THREADS) return null;
    const thread = new Thread(this);
    this.threads.add(thread);
    return thread;
  }
}
