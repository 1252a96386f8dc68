/** Exports of the displayed rows: as HTTP archive, and as JSON lines. */
import type { FeedRow, FrameRow, RequestDetails } from '../feed-format.js';
import { toHar, toJsonLine } from '../har.js';
import type { Connection } from './connection.js';
import { h } from './dom.js';
import { download, fileName } from './download.js';
import type { RequestEntry, Traffic } from './traffic.js';

type ExportFormat = 'har' | 'jsonl';

/** Maximum number of requests whose heads are exported, and of concurrent requests for them. */
const MAX_DETAILS = 2000;
const CONCURRENT = 4;

/** A button for each format. */
export function exportButtons(save: (format: ExportFormat) => Promise<void>): HTMLElement[] {
  const formats = [
    ['har', 'HAR'],
    ['jsonl', 'JSON lines'],
  ] as const;
  return formats.map(([format, text]) => h('button', { type: 'button', on: { click: () => void save(format) } }, text));
}

export async function exportRequests(
  entries: readonly RequestEntry[],
  traffic: Traffic,
  connection: Connection,
  format: ExportFormat,
): Promise<void> {
  const rows = entries.flatMap(({ request, response }) => {
    const open = traffic.tunnel(request.id)?.open;
    return [request, open, response].filter((row) => row !== undefined && row !== null);
  });
  const ids = entries.slice(-MAX_DETAILS).map(({ request }) => request.id);
  await save('requests', rows, format === 'har' ? await detailsOf(ids, connection) : new Map(), format);
}

/** Rows about one WebSocket or event stream, or about all that are subscribed to (null). */
export async function exportWatched(
  traffic: Traffic,
  id: string | null,
  connection: Connection,
  format: ExportFormat,
): Promise<void> {
  const inside = format === 'har' ? messageRows(traffic) : frameRows(traffic);
  for (const entry of traffic.events) inside.push(entry.row);
  const ids = id === null ? [...new Set(inside.flatMap((row) => ('id' in row ? [row.id] : [])))] : [id];
  const rows: FeedRow[] = [];
  for (const each of ids) {
    const { request, response } = traffic.request(each) ?? { request: null, response: null };
    const { open, close } = traffic.tunnel(each) ?? { open: null, close: null };
    for (const row of [request, open]) if (row !== null) rows.push(row);
    for (const row of [close, response]) if (row !== null) inside.push(row);
  }
  rows.push(...inside);
  const details = format === 'har' ? await detailsOf(ids.slice(-MAX_DETAILS), connection) : new Map();
  await save(traffic.watching === 'events' ? 'events' : 'frames', rows, details, format);
}

/** Frames, and decompressed messages behind their last frame. */
function frameRows(traffic: Traffic): FeedRow[] {
  const rows: FeedRow[] = [];
  const messages = [...traffic.messages.log].filter((entry) => entry.kind === 'message' && entry.row !== null);
  let next = 0;
  const addUntil = (seq: number): void => {
    for (let entry = messages[next]; entry?.kind === 'message' && entry.before <= seq; entry = messages[++next]) {
      if (entry.row !== null) rows.push(entry.row);
    }
  };
  for (const { seq, row } of traffic.frames) {
    addUntil(seq);
    rows.push(row);
  }
  addUntil(Number.POSITIVE_INFINITY);
  return rows;
}

/** Messages, each in one frame: archives have no frames. */
function messageRows(traffic: Traffic): FeedRow[] {
  const rows: FeedRow[] = [];
  for (const entry of traffic.messages.log) {
    if (entry.kind === 'gap') continue;
    const { from, time, opcode, length, payload, withheld } = entry.message;
    const row: FrameRow = {
      ...{ type: 'frame', id: entry.id, time, from, opcode, fin: true, rsv: 0, compressed: false, mask: null },
      ...{ length, payload, withheld },
    };
    rows.push(row);
  }
  return rows;
}

async function detailsOf(ids: readonly string[], connection: Connection): Promise<Map<string, RequestDetails>> {
  const found = new Map<string, RequestDetails>();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let id = ids[next++]; id !== undefined; id = ids[next++]) {
      const details = await connection.details(id);
      if (details !== null) found.set(id, details);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, work));
  return found;
}

async function save(
  stem: string,
  rows: readonly FeedRow[],
  details: ReadonlyMap<string, RequestDetails>,
  format: ExportFormat,
): Promise<void> {
  const text =
    format === 'har' ? [JSON.stringify(toHar(rows, details), null, 1)] : rows.map((row) => `${toJsonLine(row)}\n`);
  download(fileName(stem, format), text, format === 'har' ? 'application/json' : 'application/x-ndjson');
}
