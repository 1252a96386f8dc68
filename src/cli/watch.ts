/** `tsproxy watch [URL]`: the traffic of a running proxy as lines, JSON or an HTTP archive. */
import { writeFileSync } from 'node:fs';
import type { FeedRow, RequestDetails, RowKind } from '../console/feed-format.js';
import { toHar, toJsonLine } from '../console/har.js';
import { COLOURED, PLAIN } from '../diagnostics/style.js';
import { VERSION } from '../http/software.js';
import { printError } from '../process/standard-streams.js';
import { ConsoleClientError, ConsoleFeed, type FeedEnd } from './console/console-client.js';
import { RowFilter } from './console/row-filter.js';
import { rowLine } from './console/row-lines.js';
import { tryPrint } from './stdout.js';
import { colored } from './terminal.js';

/** Options as written. */
export interface WatchOptions {
  readonly unix?: string;
  readonly kind: readonly RowKind[];
  readonly path?: string;
  readonly status: readonly string[];
  readonly id: readonly string[];
  readonly frames: boolean;
  /** Bytes. */
  readonly payload: number;
  readonly json?: true;
  readonly har?: string;
  readonly count?: number;
}

/** Maximum number of rows and of payload bytes of an archive. */
const MAX_ROWS = 500_000;
const MAX_BYTES = 256 << 20;
/** Maximum number of pending requests for details; the server answers eight at a time. */
const MAX_QUESTIONS = 8;
/** ms between two attempts to open the feed again, when the configuration has changed. */
const RETRY_INTERVAL = 500;
const RETRIES = 20;
/** Timeout for the details of the last requests, ms. */
const DETAILS_TIMEOUT = 2000;

/** Returns the exit code: 1 if the feed cannot be opened, or ends. */
export async function watch(url: string, options: WatchOptions): Promise<number> {
  try {
    const code = await new Watch(url, options).run();
    return code;
  } catch (error) {
    if (!(error instanceof ConsoleClientError)) throw error;
    printError(`tsproxy watch: ${error.message}`);
    return 1;
  }
}

class Watch {
  private readonly filter: RowFilter;
  private readonly style = colored(1) ? COLOURED : PLAIN;
  private readonly recording: Recording | null;
  /** Methods of requests by id. */
  private readonly methods = new Map<string, string>();
  private feed: ConsoleFeed | null = null;
  private printed = 0;
  private stopping: (() => void) | null = null;
  private hidden = false;

  constructor(
    private readonly url: string,
    private readonly options: WatchOptions,
  ) {
    const { path = '', status, id, har } = options;
    this.filter = new RowFilter({ path, statuses: status, ids: id });
    this.recording = har === undefined ? null : new Recording((question) => this.feed?.send(question));
  }

  async run(): Promise<number> {
    const stopped = new Promise<null>((resolve) => {
      this.stopping = () => resolve(null);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(null));
    });
    let feed = await this.open();
    let end: FeedEnd | null;
    for (;;) {
      end = await Promise.race([feed.ended, stopped]);
      if (end?.restarted !== true) break;
      const next = await this.again(stopped);
      if (!(next instanceof ConsoleFeed)) {
        end = next;
        break;
      }
      feed = next;
    }
    await this.recording?.complete(DETAILS_TIMEOUT);
    this.feed?.close();
    this.writeArchive();
    if (end === null) return 0;
    printError(`tsproxy watch: ${end.text}`);
    return 1;
  }

  /** Rejects with ConsoleClientError. */
  private async open(): Promise<ConsoleFeed> {
    const { options } = this;
    const feed = await ConsoleFeed.open(
      { url: this.url, socket: options.unix ?? null },
      {
        hello: ({ payload }) => {
          if (payload || options.payload === 0 || this.hidden) return;
          this.hidden = true;
          printError('tsproxy watch: payloads are hidden: the location has no "console_payload on"');
        },
        rows: (rows) => {
          for (const row of rows) this.receive(row);
        },
        details: ({ id, request }) => this.recording?.answer(id, request),
      },
    );
    const frames = !options.frames ? 'none' : options.id.length > 0 ? options.id : 'all';
    feed.send({ type: 'subscribe', kinds: options.kind, frames, payload: options.payload });
    this.feed = feed;
    this.recording?.askAgain();
    return feed;
  }

  /** Opens the feed again. A failure ends the command normally: recorded rows are written. Null: stopped. */
  private async again(stopped: Promise<null>): Promise<ConsoleFeed | FeedEnd | null> {
    let text = '';
    for (let left = RETRIES; left > 0; left--) {
      const pause = new Promise<false>((resolve) => setTimeout(() => resolve(false), RETRY_INTERVAL));
      if ((await Promise.race([pause, stopped])) === null) return null;
      try {
        return await this.open();
      } catch (error) {
        if (!(error instanceof ConsoleClientError)) throw error;
        text = error.message;
      }
    }
    return { restarted: false, text };
  }

  private receive(row: FeedRow): void {
    const { count = Number.POSITIVE_INFINITY, json } = this.options;
    if (row.type === 'request') this.methods.set(row.id, row.method);
    const accepted = this.filter.accepts(row);
    if (accepted && this.printed < count) {
      this.recording?.add(row);
      const text = json ? toJsonLine(row) : this.lineOf(row);
      if (text !== null) {
        this.printed++;
        // The output has no reader any more.
        if (!tryPrint(`${text}\n`)) this.stopping?.();
      }
    }
    if (row.type === 'response') this.methods.delete(row.id);
    if (this.printed >= count) this.stopping?.();
  }

  private lineOf(row: FeedRow): string | null {
    if (row.type === 'dropped') return rowLine(row, '', '', this.style);
    return rowLine(row, this.methods.get(row.id) ?? '', this.filter.targetOf(row.id), this.style);
  }

  private writeArchive(): void {
    const { recording } = this;
    const { har: path } = this.options;
    if (recording === null || path === undefined) return;
    try {
      writeFileSync(path, `${JSON.stringify(toHar(recording.rows, recording.details, VERSION))}\n`);
    } catch (error) {
      throw new ConsoleClientError(`cannot write "${path}": ${(error as Error).message}`);
    }
    const lost = recording.isFull ? `; the rest was left out, because there were more than ${MAX_ROWS} rows` : '';
    printError(`tsproxy watch: "${path}" has ${recording.rows.length} rows${lost}`);
  }
}

/** Rows for an archive, with the details of their requests. */
class Recording {
  readonly rows: FeedRow[] = [];
  readonly details = new Map<string, RequestDetails>();
  isFull = false;
  private bytes = 0;
  private waiting: string[] = [];
  private pending: string[] = [];
  private completed: (() => void) | null = null;

  constructor(private readonly ask: (question: { readonly type: 'details'; readonly id: string }) => void) {}

  add(row: FeedRow): void {
    if (this.isFull) return;
    this.rows.push(row);
    if ('payload' in row) this.bytes += row.payload?.length ?? 0;
    this.isFull = this.rows.length >= MAX_ROWS || this.bytes >= MAX_BYTES;
    if (row.type === 'response' || row.type === 'open') {
      this.waiting.push(row.id);
      this.next();
    }
  }

  answer(id: string, request: RequestDetails | null): void {
    if (request !== null) this.details.set(id, request);
    const at = this.pending.indexOf(id);
    if (at >= 0) this.pending.splice(at, 1);
    this.next();
  }

  /** A new feed has replaced the last one: repeats requests for details that the last one has not answered. */
  askAgain(): void {
    this.waiting.unshift(...this.pending);
    this.pending = [];
    this.next();
  }

  private next(): void {
    while (this.pending.length < MAX_QUESTIONS) {
      const id = this.waiting.shift();
      if (id === undefined) break;
      this.pending.push(id);
      this.ask({ type: 'details', id });
    }
    if (this.pending.length === 0) this.completed?.();
  }

  /** Waits for the requested details. */
  async complete(timeout: number): Promise<void> {
    if (this.pending.length === 0) return;
    await new Promise<void>((resolve) => {
      this.completed = resolve;
      setTimeout(resolve, timeout).unref();
    });
  }
}
