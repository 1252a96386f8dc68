/** `tsproxy top [URL]`: the overview of a running proxy, refreshed once per second. */
import { isatty } from 'node:tty';
import type { StateMessage } from '../console/state.js';
import { COLOURED, PLAIN, type Style } from '../diagnostics/style.js';
import { printError } from '../process/standard-streams.js';
import { ConsoleClientError, ConsoleFeed, type FeedEnd } from './console/console-client.js';
import { type Line, plain, rendered } from './console/line-parts.js';
import { ORDERS, type Order, overviewLines } from './console/overview-page.js';
import { Screen } from './console/screen.js';
import type { LocationTarget } from './location-url.js';
import { print, printJson } from './stdout.js';
import { colored } from './terminal.js';

export interface TopOptions {
  readonly unix?: string;
  readonly sort: Order;
  /** Print the overview once. */
  readonly once?: true;
  readonly json?: true;
}

/** Columns of an overview that is printed without a terminal. */
const PAGE_WIDTH = 160;
/** ms between two attempts to connect. */
const RETRY_INTERVAL = 1000;

const UP = new Set(['\x1b[A', '\x1bOA', 'k']);
const DOWN = new Set(['\x1b[B', '\x1bOB', 'j']);

/** Returns the exit code: 1 if there is no connection. */
export async function top(url: string, options: TopOptions): Promise<number> {
  const target = { url, socket: options.unix ?? null };
  try {
    // Without a terminal, the overview cannot be refreshed.
    if (options.once || options.json || !isatty(1)) return await printOnce(target, options);
    return await new Top(target, options).run();
  } catch (error) {
    if (!(error instanceof ConsoleClientError)) throw error;
    printError(`tsproxy top: ${error.message}`);
    return 1;
  }
}

async function printOnce(target: LocationTarget, { json, sort }: TopOptions): Promise<number> {
  let received: ((state: StateMessage) => void) | null = null;
  const first = new Promise<StateMessage>((resolve) => {
    received = resolve;
  });
  // Rates are available from the second overview on.
  let count = 0;
  const feed = await ConsoleFeed.open(target, {
    state: (state) => {
      count++;
      if (count === 2) received?.(state);
    },
  });
  const state = await Promise.race([first, feed.ended]);
  feed.close();
  if (state === null || !('requests' in state)) throw new ConsoleClientError(state?.text ?? 'the feed has ended');
  if (json) {
    const { type: _, ...data } = state;
    printJson(data);
  } else {
    const style = colored(1) ? COLOURED : PLAIN;
    const lines = overviewLines(state, { order: sort, reverse: false });
    print(`${lines.map((line) => rendered(line, PAGE_WIDTH, style).trimEnd()).join('\n')}\n`);
  }
  return 0;
}

class Top {
  private readonly style: Style = colored(1) ? COLOURED : PLAIN;
  private readonly screen: Screen;
  private state: StateMessage | null = null;
  /** Reason why there are no new overviews; null: there are. */
  private trouble: string | null = null;
  private order: Order;
  private reverse = false;
  private paused = false;
  /** Number of lines above the visible part. */
  private offset = 0;
  private quit: () => void = () => {};

  constructor(
    private readonly target: LocationTarget,
    { sort }: TopOptions,
  ) {
    this.order = sort;
    this.screen = new Screen({
      key: (key) => this.onKey(key),
      redraw: () => this.draw(),
      interrupted: () => this.quit(),
    });
  }

  /** Settles when the user quits. Rejects if the first connection fails. */
  async run(): Promise<number> {
    const quit = new Promise<null>((resolve) => {
      this.quit = () => resolve(null);
    });
    let feed = await this.connect();
    this.screen.open();
    this.draw();
    try {
      for (;;) {
        const end: FeedEnd | null = await Promise.race([feed.ended, quit]);
        if (end === null) return 0;
        const again = await this.reconnect(end, quit);
        if (again === null) return 0;
        feed = again;
      }
    } finally {
      feed.close();
      this.screen.close();
    }
  }

  private connect(): Promise<ConsoleFeed> {
    return ConsoleFeed.open(this.target, {
      state: (state) => {
        this.trouble = null;
        if (this.paused) return;
        this.state = state;
        this.draw();
      },
    });
  }

  /** Null: the user has quit. */
  private async reconnect({ text }: FeedEnd, quit: Promise<null>): Promise<ConsoleFeed | null> {
    this.trouble = text;
    for (;;) {
      this.draw();
      const pause = new Promise<true>((resolve) => setTimeout(() => resolve(true), RETRY_INTERVAL));
      if ((await Promise.race([pause, quit])) === null) return null;
      try {
        return await this.connect();
      } catch (error) {
        if (!(error instanceof ConsoleClientError)) throw error;
        this.trouble = error.message;
      }
    }
  }

  private onKey(key: string): void {
    if (key === 'q' || key === 'Q') {
      this.quit();
      return;
    }
    if (key === 's') this.order = ORDERS[(ORDERS.indexOf(this.order) + 1) % ORDERS.length] ?? 'name';
    else if (key === 'r') this.reverse = !this.reverse;
    else if (key === 'p' || key === ' ') this.paused = !this.paused;
    else if (UP.has(key)) this.offset--;
    else if (DOWN.has(key)) this.offset++;
    else if (key === '\x1b[5~') this.offset -= this.room;
    else if (key === '\x1b[6~') this.offset += this.room;
    else if (key === 'g' || key === '\x1b[H') this.offset = 0;
    else if (key === 'G' || key === '\x1b[F') this.offset = Number.MAX_SAFE_INTEGER;
    else return;
    this.draw();
  }

  /** Lines between the title and the footer. */
  private get room(): number {
    return Math.max(1, this.screen.rows - 2);
  }

  private draw(): void {
    const { screen, style, state, room } = this;
    const { columns } = screen;
    const [title = [], ...lines] =
      state === null ? [[plain('tsproxy')], [plain('waiting for the first overview')]] : this.lines(state);
    this.offset = Math.max(0, Math.min(this.offset, lines.length - room));
    const shown = lines.slice(this.offset, this.offset + room);
    while (shown.length < room) shown.push([]);
    const left = lines.length - this.offset - room;
    screen.draw([title, ...shown, this.footer(Math.max(0, left))].map((line) => rendered(line, columns, style)));
  }

  private lines(state: StateMessage): Line[] {
    return overviewLines(state, { order: this.order, reverse: this.reverse });
  }

  private footer(left: number): Line {
    const { trouble, paused, order, reverse } = this;
    if (trouble !== null) return [[`no connection: ${trouble}`, 'error']];
    return [
      ...(paused ? [['paused  ', 'warning'] as const] : []),
      ['q', 'strong'],
      plain(' quit  '),
      ['s', 'strong'],
      plain(` sort: ${order}  `),
      ['r', 'strong'],
      plain(` reverse${reverse ? 'd' : ''}  `),
      ['p', 'strong'],
      plain(' pause'),
      ...(left + this.offset > 0 ? [[`  arrows: ${left} more lines`, 'faint'] as const] : []),
    ];
  }
}
