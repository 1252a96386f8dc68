/** Lines of access logs: the formats `json`, `websocket_json` and `combined`. Text, not bytes. */

export interface LogEntry {
  /** ms since 1970; NaN if it is not known. */
  readonly time: number;
  /** Whether the time has milliseconds. */
  readonly precise: boolean;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  /** Path with arguments; of an invalid request the request line. */
  readonly target: string;
  /** Status of the response, or of the end of a WebSocket; 0: none. */
  readonly status: number;
  /** Null: not known. */
  readonly bytes: number | null;
  /** ms; null: not known. */
  readonly duration: number | null;
  /** Addresses of the servers tried, and their statuses, separated by commas. */
  readonly upstream: string;
  readonly upstreamStatus: string;
  /** Whether a response was truncated. */
  readonly incomplete: boolean;
  /** Opening or end of a WebSocket. */
  readonly websocket: { readonly event: string; readonly note: string } | null;
}

type Members = Readonly<Record<string, unknown>>;

/** Null for a line of another format. */
export function parseLogLine(line: string): LogEntry | null {
  return line.startsWith('{') ? parseJsonLine(line) : parseCombined(line);
}

function parseJsonLine(line: string): LogEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const members = value as Members;
  if (typeof members.time !== 'string' || !('status' in members || 'event' in members)) return null;
  return 'event' in members ? webSocketEntry(members) : requestEntry(members);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** Seconds as ms. */
function milliseconds(value: unknown): number | null {
  return typeof value === 'number' ? value * 1000 : null;
}

function requestEntry(members: Members): LogEntry {
  const request = text(members.request);
  return {
    time: Date.parse(text(members.time)),
    precise: true,
    client: text(members.remote_addr),
    method: text(members.method),
    host: text(members.host),
    target: text(members.path) === '' ? request : targetOf(request),
    status: number(members.status) ?? 0,
    bytes: number(members.bytes),
    duration: milliseconds(members.duration),
    upstream: text(members.upstream),
    upstreamStatus: text(members.upstream_status),
    incomplete: members.completed === false,
    websocket: null,
  };
}

function webSocketEntry(members: Members): LogEntry {
  const request = text(members.request);
  const isEnd = members.event === 'close';
  const counts = [members.messages_received, members.messages_sent].map((value) => number(value) ?? 0);
  const bytes = [members.bytes_received, members.bytes_sent].map((value) => number(value) ?? 0);
  const reason = text(members.reason);
  const note = `closed by ${text(members.closed_by)}${reason === '' ? '' : `: ${reason}`}, ${counts.join('/')} messages`;
  return {
    time: Date.parse(text(members.time)),
    precise: false,
    client: text(members.remote_addr),
    method: 'WS',
    host: text(members.host),
    target: targetOf(request),
    status: number(members.code) ?? 0,
    bytes: isEnd ? bytes.reduce((sum, each) => sum + each, 0) : null,
    duration: isEnd ? milliseconds(members.duration) : null,
    upstream: text(members.upstream),
    upstreamStatus: '',
    incomplete: false,
    websocket: { event: text(members.event), note: isEnd ? note : '' },
  };
}

/** Target of a request line. */
function targetOf(request: string): string {
  const [, target = request] = /^\S+ (.*?)(?: HTTP\/[\d.]+)?$/.exec(request) ?? [];
  return target;
}

/** Quotes in values are escaped; further values may follow. */
const COMBINED =
  /^(\S+) - (?:.*?) \[(\d\d)\/(\w{3})\/(\d{4}):([\d:]{8}) ([+-]\d\d)(\d\d)\] "([^"]*)" (\d{3}) (\d+|-)(?: |$)/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function parseCombined(line: string): LogEntry | null {
  const match = COMBINED.exec(line);
  if (match === null) return null;
  const [, client = '', day, month = '', year, time, hours, minutes, request = '', status, bytes] = match;
  const number = String(MONTHS.indexOf(month) + 1).padStart(2, '0');
  const [method = ''] = request.split(' ', 1);
  const isRequest = /^[A-Z]+ /.test(request);
  return {
    time: Date.parse(`${year}-${number}-${day}T${time}${hours}:${minutes}`),
    precise: false,
    client,
    method: isRequest ? method : '',
    host: '',
    target: isRequest ? targetOf(request) : request,
    status: Number(status),
    bytes: bytes === '-' ? null : Number(bytes),
    duration: null,
    upstream: '',
    upstreamStatus: '',
    incomplete: false,
    websocket: null,
  };
}
