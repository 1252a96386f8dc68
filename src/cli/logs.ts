/** `tsproxy logs [FILE]`: reads an access log in pieces, filters its lines, and prints them in columns. */
import { resolve } from 'node:path';
import { errnoText } from '../diagnostics/errno.js';
import { printError } from '../process/standard-streams.js';
import { InvalidFilter, LineFilter } from './logs/line-filter.js';
import { LineRenderer } from './logs/line-renderer.js';
import { LineSplitter } from './logs/line-splitter.js';
import { parseLogLine } from './logs/log-entry.js';
import { type LogInput, lastLines, readFile, readFollowed, readStandardInput } from './logs/log-input.js';
import { tryPrint } from './stdout.js';
import { colored } from './terminal.js';
import { visibleLine } from './terminal-text.js';
import { UsageError } from './usage-error.js';

/** Options as written. */
export interface LogsOptions {
  readonly p?: string;
  readonly follow?: true;
  readonly lines?: string;
  readonly status?: string;
  readonly path?: string;
  readonly upstream?: string;
  readonly slower?: string;
  readonly raw?: true;
}

/** Lines printed first with `--follow`. */
const FOLLOWED_LINES = 10;

/** Returns the exit code: 1 if an option is invalid, or the file cannot be read. */
export async function logs(file: string | undefined, options: LogsOptions): Promise<number> {
  const name = file ?? resolve(options.p ?? '.', 'logs/access.log');
  try {
    const filter = new LineFilter(options);
    const print = new LogPrinter(filter, options.raw === true);
    const lines = numberOf(options.lines) ?? (options.follow ? FOLLOWED_LINES : null);
    const input = name === '-' ? readStandardInput() : openInput(name, lines, options.follow === true);
    for await (const bytes of input) if (!print.add(bytes)) return 0;
    print.end();
    return 0;
  } catch (error) {
    if (error instanceof InvalidFilter) throw new UsageError(error.message);
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    printError(`tsproxy logs: open() "${name}" failed (${errnoText(error)})`);
    return 1;
  }
}

function openInput(name: string, lines: number | null, follow: boolean): LogInput {
  const start = lines === null ? 0 : lastLines(name, lines);
  return follow ? readFollowed(name, start) : readFile(name, start);
}

function numberOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,9}$/.test(text)) throw new InvalidFilter(`invalid number "${text}"`);
  return Number(text);
}

class LogPrinter {
  private readonly splitter = new LineSplitter();
  private readonly renderer = new LineRenderer(colored(1));
  private output = '';

  constructor(
    private readonly filter: LineFilter,
    private readonly raw: boolean,
  ) {}

  /** Prints the lines of a piece; returns false if the output has no reader. */
  add(bytes: Buffer): boolean {
    this.splitter.add(bytes, (line) => this.line(line));
    return this.flush();
  }

  /** Prints a last line without a line break. */
  end(): void {
    this.splitter.end((line) => this.line(line));
    this.flush();
  }

  private line(line: string): void {
    const entry = parseLogLine(line);
    // Lines of other formats are shown unless a filter would need to understand them.
    if (entry === null ? this.filter.active : !this.filter.matches(entry)) return;
    this.output += `${entry === null || this.raw ? visibleLine(line) : this.renderer.render(entry)}\n`;
  }

  private flush(): boolean {
    const { output } = this;
    this.output = '';
    return output === '' || tryPrint(output);
  }
}
