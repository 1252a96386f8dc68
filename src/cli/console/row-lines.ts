/** Rows of the feed as lines for a terminal. */
import type {
  CloseRow,
  EventRow,
  FeedRow,
  FrameRow,
  MessageRow,
  OpenRow,
  ResponseRow,
  Withheld,
} from '../../console/feed-format.js';
import { preciseClock } from '../../console/local-time.js';
import type { Style } from '../../diagnostics/style.js';
import { bytesText, durationText, payloadText, visibleText } from '../terminal-text.js';

const OPCODES: Readonly<Record<number, string>> = {
  0: 'continuation',
  1: 'text',
  2: 'binary',
  8: 'close',
  9: 'ping',
  10: 'pong',
};

const CLOSE = 8;

const KIND_WIDTH = 7;
const STATUS_WIDTH = 6;

/** Describes a row in a line without its line break; null for rows that a list leaves out. */
export function rowLine(row: FeedRow, method: string, target: string, style: Style): string | null {
  switch (row.type) {
    case 'response':
      // The line of the WebSocket replaces that of its response.
      return row.status === 101 ? null : line(row, method, responseText(row, target, style), style);
    case 'open':
      return line(row, 'WS', openText(row, style), style);
    case 'frame':
      return line(row, 'WS', frameText(row, style), style);
    case 'message':
      return line(row, 'WS', messageText(row, style), style);
    case 'close':
      return line(row, 'WS', closeText(row, target, style), style);
    case 'event':
      return line(row, 'SSE', eventText(row, style), style);
    case 'dropped':
      return style.warning(`${preciseClock(row.time)}  ${row.count} rows were dropped`);
    default:
      return null;
  }
}

function line(row: { readonly id: string; readonly time: number }, kind: string, text: string, style: Style): string {
  const shown = visibleText(kind).padEnd(KIND_WIDTH);
  return `${style.faint(preciseClock(row.time))}  ${shown}${text}  ${style.faint(`#${row.id}`)}`;
}

function responseText({ status, completed, duration, sent, tries }: ResponseRow, target: string, style: Style): string {
  const code = String(status).padEnd(STATUS_WIDTH);
  const painted = status >= 500 || status === 0 ? style.error(code) : status >= 400 ? style.warning(code) : code;
  const last = tries.at(-1);
  const upstream = last === undefined ? '' : `  ${last.address}${tries.length > 1 ? ` (${tries.length} tries)` : ''}`;
  const end = completed ? '' : `  ${style.warning('incomplete')}`;
  return `${painted}${visibleText(target)}  ${durationText(duration)}  ${bytesText(sent)}${upstream}${end}`;
}

function openText({ host, target, upstream, protocol }: OpenRow, style: Style): string {
  const details = [upstream, protocol].filter((text) => text !== '').map(visibleText);
  return `${style.strong('open'.padEnd(STATUS_WIDTH))}${visibleText(host + target)}  ${details.join('  ')}`;
}

function closeText({ by, code, reason, duration, received, sent }: CloseRow, target: string, style: Style): string {
  const why = reason === '' ? '' : ` ${visibleText(reason)}`;
  const counts = `${received.messages} messages received, ${sent.messages} sent`;
  const end = `${code} by ${by}${why}  after ${durationText(duration)}, ${counts}`;
  return `${style.strong('close'.padEnd(STATUS_WIDTH))}${visibleText(target)}  ${end}`;
}

function frameText(row: FrameRow, style: Style): string {
  const { opcode, fin, compressed, length, mask } = row;
  const flags = [
    ...(fin ? [] : ['not final']),
    ...(compressed ? ['compressed'] : []),
    ...(mask === null ? [] : [`mask ${mask.toString(16).padStart(8, '0')}`]),
  ];
  const name = OPCODES[opcode] ?? `opcode ${opcode}`;
  const more = flags.length === 0 ? '' : `  ${style.faint(flags.join(', '))}`;
  const content = opcode === CLOSE ? closeReason(row) : payload(row, style);
  return `${arrow(row.from, style)}${name} ${bytesText(length)}${more}${content}`;
}

/** Status code and reason of a Close frame. */
function closeReason({ payload: bytes }: FrameRow): string {
  if (bytes === null || bytes.length < 2) return '';
  const code = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  return `  ${code} ${payloadText(bytes.subarray(2))}`.trimEnd();
}

function messageText(row: MessageRow, style: Style): string {
  const { opcode, length, from } = row;
  const size = length < 0 ? '' : ` ${bytesText(length)}`;
  return `${arrow(from, style)}${OPCODES[opcode] ?? ''} message decompressed${size}${payload(row, style)}`;
}

function eventText(row: EventRow, style: Style): string {
  return `${arrow('upstream', style)}event ${bytesText(row.length)}${payload(row, style)}`;
}

/** Direction: to the upstream, or to the client. */
function arrow(from: 'client' | 'upstream', style: Style): string {
  return style.strong((from === 'client' ? '->' : '<-').padEnd(STATUS_WIDTH));
}

function payload(
  { payload: bytes, withheld, length }: { payload: Uint8Array | null; withheld: Withheld | null; length: number },
  style: Style,
): string {
  if (bytes !== null && bytes.length > 0) {
    return `  ${payloadText(bytes)}${bytes.length < length ? style.faint(' ...') : ''}`;
  }
  return withheld === null || withheld === 'hidden' ? '' : `  ${style.faint(`(${withheld})`)}`;
}
