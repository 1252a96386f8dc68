/** Lines of access logs in columns. */
import { clock, day, preciseClock } from '../../console/local-time.js';
import { COLOURED, PLAIN, type Style } from '../../diagnostics/style.js';
import { visibleLine } from '../terminal-text.js';
import type { LogEntry } from './log-entry.js';

export class LineRenderer {
  private readonly style: Style;

  constructor(colored: boolean) {
    this.style = colored ? COLOURED : PLAIN;
  }

  render(entry: LogEntry): string {
    const { style } = this;
    const columns = [
      style.faint(timeText(entry)),
      this.status(entry),
      visibleLine(entry.method || '-').padEnd(4),
      durationText(entry.duration).padStart(6),
      bytesText(entry.bytes).padStart(6),
      visibleLine(entry.client).padEnd(15),
      visibleLine(`${entry.host}${entry.target}`) || '-',
    ];
    const notes = notesOf(entry);
    return columns.join(' ') + (notes === '' ? '' : `  ${style.faint(visibleLine(notes))}`);
  }

  private status({ status, websocket, incomplete }: LogEntry): string {
    const { style } = this;
    const text = (websocket !== null && status === 0 ? websocket.event : status === 0 ? '-' : String(status)).padEnd(5);
    if (websocket !== null)
      return status === 0 || status === 1000 || status === 1001 ? style.hint(text) : style.warning(text);
    if (status >= 500 || incomplete) return style.error(text);
    if (status >= 400) return style.warning(text);
    return status >= 300 ? style.hint(text) : style.strong(text);
  }
}

function notesOf({ upstream, upstreamStatus, incomplete, websocket }: LogEntry): string {
  const notes: string[] = [];
  if (upstream !== '') {
    const servers = upstream.split(', ');
    const statuses = upstreamStatus.split(', ');
    // The status of a single try is that of the response.
    const tries = servers.map((server, i) => (servers.length > 1 ? `${server} (${statuses[i] ?? '-'})` : server));
    notes.push(`-> ${tries.join(', ')}`);
  }
  if (incomplete) notes.push('incomplete');
  if (websocket !== null && websocket.note !== '') notes.push(websocket.note);
  return notes.join('  ');
}

/** Local time. */
function timeText({ time, precise }: LogEntry): string {
  if (Number.isNaN(time)) return '-'.padEnd(23);
  return `${day(time)} ${(precise ? preciseClock(time) : clock(time)).padEnd(12)}`;
}

function durationText(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)}s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 100 ? `${minutes}m` : `${Math.round(minutes / 60)}h`;
}

const UNITS = ['B', 'K', 'M', 'G', 'T'];

/** Size with a unit that is a power of 1024. */
function bytesText(bytes: number | null): string {
  if (bytes === null) return '-';
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)}${UNITS[unit]}`;
}
