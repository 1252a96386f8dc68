/** Full-screen output for `tsproxy top`. The terminal is restored however the process ends. */
import { writeSync } from 'node:fs';

// The alternate screen, without cursor and line wrap.
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';

const HOME = '\x1b[H';
const REST_OF_LINE = '\x1b[K';
const REST_OF_SCREEN = '\x1b[J';

/** Exit codes of signals: 128 and their number. */
const SIGNALS = { SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131 } as const;
const CTRL_C = '\x03';
const CTRL_Z = '\x1a';
const CTRL_L = '\x0c';

export interface ScreenEvents {
  /** A key, or the escape sequence of one. */
  key(key: string): void;
  /** The screen must be redrawn. */
  redraw(): void;
  /** Ctrl-C. */
  interrupted(): void;
}

export class Screen {
  private active = false;
  private readonly onExit = (): void => this.leave();
  private readonly onResize = (): void => this.events.redraw();
  private readonly onInput = (data: Buffer): void => this.input(data.toString('utf8'));
  private readonly onContinue = (): void => {
    this.enter();
    this.events.redraw();
  };
  private readonly signals = Object.entries(SIGNALS).map(
    ([signal, code]) => [signal, (): void => process.exit(code)] as const,
  );

  constructor(private readonly events: ScreenEvents) {}

  get columns(): number {
    return process.stdout.columns ?? 80;
  }

  get rows(): number {
    return process.stdout.rows ?? 24;
  }

  /** Switches to the alternate screen, and begins to read keys. */
  open(): void {
    process.on('exit', this.onExit);
    process.on('SIGINT', this.events.interrupted);
    process.on('SIGCONT', this.onContinue);
    process.stdout.on('resize', this.onResize);
    for (const [signal, handler] of this.signals) process.on(signal, handler);
    process.stdin.on('data', this.onInput);
    this.enter();
  }

  close(): void {
    this.leave();
    process.off('exit', this.onExit);
    process.off('SIGINT', this.events.interrupted);
    process.off('SIGCONT', this.onContinue);
    process.stdout.off('resize', this.onResize);
    for (const [signal, handler] of this.signals) process.off(signal, handler);
    process.stdin.off('data', this.onInput);
    process.stdin.pause();
  }

  /** Draws as many of the lines as the screen has rows. They must not be wider than the screen. */
  draw(lines: readonly string[]): void {
    if (!this.active) return;
    const text = lines
      .slice(0, this.rows)
      .map((line) => line + REST_OF_LINE)
      .join('\r\n');
    this.write(HOME + text + REST_OF_SCREEN);
  }

  private enter(): void {
    if (this.active) return;
    this.active = true;
    this.setRaw(true);
    process.stdin.resume();
    this.write(ENTER);
  }

  private leave(): void {
    if (!this.active) return;
    this.active = false;
    this.write(LEAVE);
    this.setRaw(false);
  }

  private setRaw(raw: boolean): void {
    if (process.stdin.isTTY) process.stdin.setRawMode(raw);
  }

  private input(keys: string): void {
    // Keys that were pressed together arrive together.
    for (const key of keys.match(/\x1b(?:\[[\d;]*[A-Za-z~]|O[A-Z])?|./gsu) ?? []) {
      if (key === CTRL_C) this.events.interrupted();
      else if (key === CTRL_Z) this.suspend();
      else if (key === CTRL_L) {
        this.write('\x1b[2J');
        this.events.redraw();
      } else this.events.key(key);
    }
  }

  /** Restores the terminal and stops the process, until the shell continues it. */
  private suspend(): void {
    this.leave();
    process.kill(process.pid, 'SIGSTOP');
  }

  /** Synchronous, because the process may be about to exit. */
  private write(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
    } catch (error) {
      // A slow terminal misses an update; closing the terminal sends SIGHUP.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' && this.active) process.exit(1);
    }
  }
}
