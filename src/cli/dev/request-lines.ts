/** Rows of the traffic tap as the lines of the development view. */
import { relative } from 'node:path';
import type { Place } from '../../config/place.js';
import { clock } from '../../console/local-time.js';
import { toText } from '../../diagnostics/byte-string.js';
import type { Style } from '../../diagnostics/style.js';
import type { CloseRow, OpenRow, ResponseRow, TapRow } from '../../tap/rows.js';
import { durationText, visibleText } from '../terminal-text.js';

const METHOD_WIDTH = 6;

/** Maximum number of requests, WebSockets and event streams in progress that are remembered, each. */
const MAX_REQUESTS = 5000;

/** Media type of event streams. */
const EVENT_STREAM = /^text\/event-stream\b/i;

/** Renders rows as lines; it remembers open WebSockets and event streams. */
export class RequestLines {
  /** Targets of open WebSockets, by id. */
  private readonly sockets = new Map<string, string>();
  /** Events of open event streams, by id. */
  private readonly streams = new Map<string, number>();
  /** Targets of requests in progress, by id. */
  private readonly requests = new Map<string, string>();

  constructor(
    private readonly style: Style,
    /** Whether requests that a block at this place handles are left out. */
    private readonly hidden: (place: Place | null) => boolean = () => false,
    private readonly directory = process.cwd(),
  ) {}

  /** The line of a row without its line break; null for rows without one. */
  line(row: TapRow): string | null {
    switch (row.type) {
      case 'request':
        remember(this.requests, row.id, row.host + row.target);
        return null;
      case 'response':
        return this.response(row);
      case 'open':
        return this.hidden(row.place ?? null) ? null : this.open(row);
      case 'close':
        return this.close(row);
      case 'event':
        return this.event(row.id, row.time);
      case 'dropped':
        return this.style.warning(`${clock(row.time)}  ${row.count} lines were left out`);
      default:
        return null;
    }
  }

  private response(row: ResponseRow): string | null {
    const { id, status, completed, tries } = row;
    this.requests.delete(id);
    const events = this.streams.get(id);
    this.streams.delete(id);
    // The lines of the WebSocket replace that of its response.
    if (this.hidden(row.place ?? null) || status === 101) return null;
    const { style } = this;
    const code = status === 0 ? '---' : String(status);
    const painted = status >= 500 || status === 0 ? style.error(code) : status >= 400 ? style.warning(code) : code;
    const isStream = row.headers.some(
      ([name, value]) => name.toLowerCase() === 'content-type' && EVENT_STREAM.test(value),
    );
    const parts = [
      painted,
      this.placeText(row.place ?? null),
      tries.length === 0 ? '' : `-> ${visibleText(row.upstream)}${tries.length > 1 ? ` (${tries.length} tries)` : ''}`,
      durationText(row.duration),
      events === undefined && !isStream ? '' : `event stream closed after ${events ?? 0} events`,
      completed || isStream ? '' : style.warning('incomplete'),
    ];
    return this.text(row.time, row.method, row.host + row.target, parts);
  }

  private open(row: OpenRow): string {
    const target = row.host + row.target;
    remember(this.sockets, row.id, target);
    const parts = [this.style.strong('open'), this.placeText(row.place ?? null), `-> ${visibleText(row.upstream)}`];
    return this.text(row.time, 'WS', target, parts);
  }

  private close(row: CloseRow): string | null {
    const target = this.sockets.get(row.id);
    if (target === undefined) return null;
    this.sockets.delete(row.id);
    const reason = row.reason === '' ? '' : ` ${visibleText(row.reason)}`;
    return this.text(row.time, 'WS', target, [
      this.style.strong('close'),
      `${row.code} by ${row.by}${reason}`,
      `after ${durationText(row.duration)}`,
      `${row.received.messages} messages received, ${row.sent.messages} sent`,
    ]);
  }

  /** The first event of a stream has a line: that of its response follows when it ends. */
  private event(id: string, time: number): string | null {
    const before = this.streams.get(id) ?? 0;
    remember(this.streams, id, before + 1);
    const target = this.requests.get(id);
    return before > 0 || target === undefined ? null : this.text(time, 'SSE', target, [this.style.strong('open')]);
  }

  private text(time: number, method: string, target: string, parts: readonly string[]): string {
    const shown = [
      visibleText(method).padEnd(METHOD_WIDTH),
      visibleText(target),
      ...parts.filter((part) => part !== ''),
    ];
    return `${this.style.faint(clock(time))}  ${shown.join('  ')}`;
  }

  /** `nginx.conf:12`, relative to the working directory if it is below. Empty for a generated text: `<command line>`. */
  private placeText(place: Place | null): string {
    return place === null || place.file.startsWith('<') ? '' : this.style.faint(placeText(place, this.directory));
  }
}

/** Replaces the oldest entry of a full map: the row about its end may have been dropped. */
function remember<T>(map: Map<string, T>, id: string, value: T): void {
  const [oldest] = map.size < MAX_REQUESTS || map.has(id) ? [] : map.keys();
  if (oldest !== undefined) map.delete(oldest);
  map.set(id, value);
}

/** `FILE:LINE`, relative to a directory if the file is below. */
export function placeText({ file, line }: Place, directory = process.cwd()): string {
  const name = toText(file);
  const path = relative(directory, name);
  return `${visibleText(path === '' || path.startsWith('..') ? name : path)}:${line}`;
}
