/** Connection of this process to a store: deadlines, and reconnection with increasing delays. */
import { isIP } from 'node:net';
import type { Redis } from 'ioredis';
import { importOptional } from '../../config/optional-package.js';
import { PendingDeadlines } from '../pending-deadlines.js';
import { StoreUnavailable, storeError } from './errors.js';
import type { Script } from './scripts.js';
import type { StoreSecrets, StoreSettings } from './settings.js';

/** Optional packages that a store needs. */
export const STORE_PACKAGES = ['ioredis'];

/** ms for connecting, including TLS and authentication. */
const CONNECT_TIMEOUT = 2000;
/** ms before the first and between later attempts to connect. */
const FIRST_DELAY = 50;
const MAX_DELAY = 500;
/** ms of use after which a failure is the first one again: a store that soon fails again is not connected to all the time. */
const STABLE_AFTER = 5000;
/** Maximum number of pending questions; further ones fail. */
const MAX_PENDING = 10_000;

export interface StoreConnectionOptions {
  readonly settings: StoreSettings;
  readonly secrets: StoreSecrets;
  /** Checks a new connection and brings the store up to date; it is used for nothing else before this resolves. */
  readonly prepare: () => Promise<void>;
  /** The store can be used from now on. */
  readonly up: () => void;
  /** It cannot be used any more. */
  readonly down: (why: Error) => void;
  /** An attempt to connect failed. */
  readonly failed: (why: Error) => void;
}

interface Pending {
  readonly until: number;
  readonly reject: (why: Error) => void;
}

export class StoreConnection {
  private library: { readonly Redis: typeof Redis } | null = null;
  private client: Redis | null = null;
  private ready = false;
  private closed = false;
  private failures = 0;
  /** When it was last connected. */
  private upAt = 0;
  private retry: NodeJS.Timeout | null = null;
  /** In the order of the deadlines, which is that of the questions. */
  private readonly pending = new Set<Pending>();
  private readonly deadlines = new PendingDeadlines(
    () => this.oldestDeadline(),
    () => this.lose(this.client, new StoreUnavailable(`no response within ${this.options.settings.timeout} ms`)),
  );
  /** Stream whose writes are gathered until the end of the turn. */
  private gathering: Redis['stream'] | null = null;

  constructor(private readonly options: StoreConnectionOptions) {}

  /** Whether the store can be used. */
  get isUp(): boolean {
    return this.ready;
  }

  /** Imports the package. */
  async load(): Promise<void> {
    this.library ??= await importOptional('"zone_store"', STORE_PACKAGES, async () => {
      const { Redis } = await import('ioredis');
      return { Redis };
    });
  }

  close(): void {
    this.closed = true;
    this.ready = false;
    if (this.retry !== null) clearTimeout(this.retry);
    this.disconnect(new StoreUnavailable('it is not used any more'));
  }

  /** Runs a script; rejects with StoreUnavailable or StoreRefused. `timeout`: ms, instead of the configured ones. */
  run(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    timeout = this.options.settings.timeout,
  ): Promise<unknown> {
    const { client } = this;
    if (client === null) return Promise.reject(new StoreUnavailable('it is not connected'));
    if (this.pending.size >= MAX_PENDING) return Promise.reject(new StoreUnavailable('too many requests are pending'));
    return new Promise((resolve, reject) => {
      const pending = { until: performance.now() + timeout, reject };
      this.pending.add(pending);
      this.deadlines.checkAfter(timeout);
      const settle = (reply: unknown): void => {
        this.pending.delete(pending);
        resolve(reply);
      };
      const fail = (cause: unknown): void => {
        if (!this.pending.delete(pending)) return;
        const error = storeError(cause);
        reject(error);
        this.lose(client, error);
      };
      this.gather(client);
      client.evalsha(script.sha, keys.length, ...keys, ...args).then(settle, (cause: Error) => {
        if (!cause.message.startsWith('NOSCRIPT')) return fail(cause);
        client.eval(script.text, keys.length, ...keys, ...args).then(settle, fail);
      });
    });
  }

  /** All questions of a turn of the event loop are written at once. */
  private gather({ stream }: Redis): void {
    if (this.gathering === stream) return;
    this.gathering = stream;
    stream.cork();
    setImmediate(() => {
      if (this.gathering === stream) this.gathering = null;
      stream.uncork();
    });
  }

  /** Connects; rejects with the reason if it fails, and tries again later. */
  async attempt(): Promise<void> {
    const { settings, secrets, prepare, up } = this.options;
    const { host, port, path, tls, user, database } = settings;
    const { Redis: Client } = this.library as { readonly Redis: typeof Redis }; // by `load`
    const client = new Client({
      ...(path !== null ? { path } : { host: host ?? '', port }),
      ...(tls && {
        tls: {
          ...(host !== null && isIP(host) === 0 && { servername: host }),
          ...(secrets.authorities !== null && { ca: secrets.authorities }),
          rejectUnauthorized: true,
        },
      }),
      protocol: 2,
      lazyConnect: true,
      // Reconnecting, queueing and authenticating are done here: their failures have consequences for requests.
      retryStrategy: null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      disableClientInfo: true,
      connectTimeout: CONNECT_TIMEOUT,
    });
    let cause: Error | null = null;
    client.on('error', (error: Error) => {
      cause ??= error;
    });
    client.on('end', () => this.lose(client, storeError(cause ?? new Error('the connection was closed'))));
    this.client = client;
    try {
      const { password } = secrets;
      const login = async (): Promise<void> => {
        await client.connect();
        // Both are bytes, and strings would be sent as UTF-8.
        const words = [...(user === null ? [] : [user]), ...(password === null ? [] : [password])];
        if (password !== null) await client.call('AUTH', ...words.map((each) => Buffer.from(each, 'latin1')));
        if (database !== 0) await client.call('SELECT', database);
      };
      await within(CONNECT_TIMEOUT, login());
      await prepare();
      // Its deadlines are longer than those of questions.
      this.deadlines.stop();
      if (this.client !== client || this.closed) throw new StoreUnavailable('the connection was closed');
      this.ready = true;
      this.upAt = performance.now();
      up();
    } catch (error) {
      const why = storeError(cause ?? error);
      if (this.client === client) this.disconnect(why);
      else client.disconnect();
      this.scheduleAttempt();
      throw why;
    }
  }

  private oldestDeadline(): number | null {
    const [oldest] = this.pending;
    return oldest === undefined || this.client === null ? null : oldest.until;
  }

  /** The connection fails: all questions are given up. */
  private lose(client: Redis | null, why: Error): void {
    if (client === null || this.client !== client) return;
    const wasReady = this.ready;
    this.ready = false;
    this.disconnect(why);
    // Otherwise the attempt to connect reports it.
    if (!wasReady || this.closed) return;
    if (performance.now() - this.upAt >= STABLE_AFTER) this.failures = 0;
    this.options.down(why);
    this.scheduleAttempt();
  }

  private disconnect(why: Error): void {
    const { client } = this;
    this.client = null;
    client?.disconnect();
    const given = [...this.pending];
    this.pending.clear();
    for (const { reject } of given) reject(why);
    this.deadlines.stop();
  }

  private scheduleAttempt(): void {
    if (this.closed || this.retry !== null) return;
    const delay = Math.min(MAX_DELAY, FIRST_DELAY * 2 ** this.failures++);
    this.retry = setTimeout(
      () => {
        this.retry = null;
        this.attempt().catch((why: Error) => this.options.failed(why));
      },
      delay * (0.8 + 0.2 * Math.random()),
    ).unref();
  }
}

/** The result of a promise; rejects with StoreUnavailable if it takes longer than `ms`. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable(`no connection within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}
