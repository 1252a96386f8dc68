/**
 * Rows as an HTTP archive (HAR 1.2), with WebSockets and event streams as browsers export them, and as JSON lines. Nothing here
 * needs Node, so that browsers can use it.
 */
import { parseEvent } from './event-fields.js';
import type {
  EventRow,
  FeedRow,
  FieldLine,
  HeadDetails,
  OpenRow,
  RequestDetails,
  RequestRow,
  ResponseRow,
  TryRow,
} from './feed-format.js';
import { MessageAssembler, type WebSocketMessage } from './messages.js';

export interface HarPair {
  readonly name: string;
  readonly value: string;
}

/** A message of a WebSocket as Chrome exports it; `time` in seconds since 1970, binary data in base64. */
export interface HarWebSocketMessage {
  readonly type: 'send' | 'receive';
  readonly time: number;
  readonly opcode: number;
  readonly data: string;
  /** Length of the whole message in bytes, if the data is not the whole message; and the reason if there is none. */
  readonly _length?: number;
  readonly _withheld?: string;
}

/** A server-sent event as Chrome exports it; `time` in seconds since 1970. */
export interface HarEvent {
  readonly time: number;
  readonly eventName: string;
  readonly eventId: string;
  readonly data: string;
  readonly _withheld?: string;
}

export interface HarTimings {
  readonly blocked: number;
  readonly dns: number;
  readonly connect: number;
  readonly send: number;
  readonly wait: number;
  readonly receive: number;
  readonly ssl: number;
}

export interface HarEntry {
  readonly startedDateTime: string;
  readonly time: number;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly httpVersion: string;
    readonly cookies: readonly HarPair[];
    readonly headers: readonly HarPair[];
    readonly queryString: readonly HarPair[];
    readonly headersSize: number;
    readonly bodySize: number;
  };
  readonly response: {
    readonly status: number;
    readonly statusText: string;
    readonly httpVersion: string;
    readonly cookies: readonly HarPair[];
    readonly headers: readonly HarPair[];
    readonly content: { readonly size: number; readonly mimeType: string; readonly text?: string };
    readonly redirectURL: string;
    readonly headersSize: number;
    readonly bodySize: number;
  };
  readonly cache: Record<string, never>;
  readonly timings: HarTimings;
  readonly serverIPAddress?: string;
  readonly _id: string;
  readonly _client: string;
  readonly _resourceType: 'fetch' | 'websocket' | 'eventsource';
  readonly _tries?: readonly TryRow[];
  readonly _webSocketMessages?: readonly HarWebSocketMessage[];
  readonly _eventSourceMessages?: readonly HarEvent[];
}

export interface Har {
  readonly log: {
    readonly version: '1.2';
    readonly creator: { readonly name: string; readonly version: string };
    readonly pages: readonly never[];
    readonly entries: readonly HarEntry[];
  };
}

/** The rows of one request. */
interface Recorded {
  request: RequestRow | null;
  response: ResponseRow | null;
  open: OpenRow | null;
  readonly messages: WebSocketMessage[];
  readonly assembler: MessageAssembler;
  readonly events: EventRow[];
}

/** The archive of rows; `details` of the requests add their heads. Requests whose beginning is unknown are omitted. */
export function toHar(
  rows: Iterable<FeedRow>,
  details: ReadonlyMap<string, RequestDetails> = new Map(),
  version = '',
): Har {
  const byId = new Map<string, Recorded>();
  for (const row of rows) {
    if (row.type === 'dropped') continue;
    let recorded = byId.get(row.id);
    if (recorded === undefined) {
      const assembler = new MessageAssembler();
      recorded = { request: null, response: null, open: null, messages: [], assembler, events: [] };
      byId.set(row.id, recorded);
    }
    record(recorded, row);
  }
  const entries: HarEntry[] = [];
  for (const [id, recorded] of byId) {
    const entry = entryOf(id, recorded, details.get(id) ?? null);
    if (entry !== null) entries.push(entry);
  }
  entries.sort((a, b) => (a.startedDateTime < b.startedDateTime ? -1 : a.startedDateTime > b.startedDateTime ? 1 : 0));
  return { log: { version: '1.2', creator: { name: 'tsproxy', version }, pages: [], entries } };
}

function record(recorded: Recorded, row: FeedRow): void {
  if (row.type === 'request') recorded.request = row;
  else if (row.type === 'response') recorded.response = row;
  else if (row.type === 'open') recorded.open = row;
  else if (row.type === 'event') recorded.events.push(row);
  else {
    const message = recorded.assembler.add(row);
    if (message !== null) recorded.messages.push(message);
  }
}

function entryOf(id: string, recorded: Recorded, details: RequestDetails | null): HarEntry | null {
  const { request, response, open, messages, events } = recorded;
  const first = request ?? open;
  if (first === null) return null;
  const isWebSocket = open !== null || messages.length > 0;
  const isStream = events.length > 0;
  const started = request?.time ?? open?.openedAt ?? 0;
  const last = response?.time ?? messages.at(-1)?.time ?? events.at(-1)?.time ?? started;
  const tries = response?.tries ?? details?.tries ?? [];
  const timings = timingsOf(tries.at(-1), response?.duration ?? Math.max(0, last - started));
  const address = tries.at(-1)?.address ?? open?.upstream ?? '';
  return {
    startedDateTime: new Date(started).toISOString(),
    time: sumOf(timings),
    request: requestOf(first, isWebSocket, details?.request ?? null, response?.received ?? -1),
    response: responseOf(response, isWebSocket, details?.response ?? null, events),
    cache: {},
    timings,
    ...(address !== '' && { serverIPAddress: hostOf(address) }),
    _id: id,
    _client: first.client,
    _resourceType: isWebSocket ? 'websocket' : isStream ? 'eventsource' : 'fetch',
    ...(tries.length > 0 && { _tries: tries }),
    ...(isWebSocket && { _webSocketMessages: messages.flatMap(webSocketMessageOf) }),
    ...(isStream && { _eventSourceMessages: events.map(eventOf) }),
  };
}

function requestOf(
  row: RequestRow | OpenRow,
  isWebSocket: boolean,
  head: HeadDetails | null,
  received: number,
): HarEntry['request'] {
  const scheme = (isWebSocket ? 'ws' : 'http') + (row.secure ? 's' : '');
  const host = fieldOf(head, 'host') ?? row.host;
  const url = `${scheme}://${host === '' ? 'unknown' : host}${row.target}`;
  const headersSize = sizeOf(head);
  return {
    method: row.type === 'request' ? row.method : 'GET',
    url,
    httpVersion: head?.line.match(/ (HTTP\/[\d.]+)$/)?.[1] ?? 'HTTP/1.1',
    cookies: [],
    headers: pairsOf(head),
    queryString: queryOf(row.target),
    headersSize,
    bodySize: headersSize < 0 || received < 0 ? -1 : Math.max(0, received - headersSize),
  };
}

function responseOf(
  row: ResponseRow | null,
  isWebSocket: boolean,
  head: HeadDetails | null,
  events: readonly EventRow[],
): HarEntry['response'] {
  const status = row?.status ?? (isWebSocket ? 101 : events.length > 0 ? 200 : 0);
  const text = events.every(({ payload }) => payload !== null)
    ? events.map(({ payload }) => textOf(payload)).join('')
    : null;
  return {
    status,
    statusText: head?.line.match(/^\S+ \d+ (.*)$/)?.[1] ?? '',
    httpVersion: head?.line.match(/^(HTTP\/[\d.]+)/)?.[1] ?? 'HTTP/1.1',
    cookies: [],
    headers: pairsOf(head),
    content: {
      size: row?.sent ?? 0,
      mimeType: fieldOf(head, 'content-type') ?? (events.length > 0 ? 'text/event-stream' : 'x-unknown'),
      ...(events.length > 0 && text !== null && { text }),
    },
    redirectURL: fieldOf(head, 'location') ?? '',
    headersSize: sizeOf(head),
    bodySize: row?.sent ?? -1,
  };
}

/** Phases of the last attempt; what precedes it is `blocked`. */
function timingsOf(last: TryRow | undefined, duration: number): HarTimings {
  if (last === undefined) {
    return { blocked: -1, dns: -1, connect: -1, send: 0, wait: duration, receive: 0, ssl: -1 };
  }
  const { start, connect, head, done } = last;
  const known = Math.max(0, connect);
  const answered = head < 0 ? known : head;
  const end = done < 0 ? Math.max(answered, duration - start) : done;
  return {
    blocked: Math.max(0, start),
    dns: -1,
    connect,
    send: 0,
    wait: Math.max(0, (head < 0 ? end : head) - known),
    receive: head < 0 ? 0 : Math.max(0, end - head),
    ssl: -1,
  };
}

function sumOf({ blocked, connect, send, wait, receive }: HarTimings): number {
  return [blocked, connect, send, wait, receive].reduce((sum, part) => sum + Math.max(0, part), 0);
}

function webSocketMessageOf({
  from,
  time,
  opcode,
  length,
  payload,
  withheld,
}: WebSocketMessage): HarWebSocketMessage[] {
  // Control frames are not messages; browsers do not export them either.
  if (opcode !== 1 && opcode !== 2) return [];
  return [
    {
      type: from === 'client' ? 'send' : 'receive',
      time: time / 1000,
      opcode,
      data: payload === null ? '' : opcode === 1 ? textOf(payload) : base64Of(payload),
      ...(payload !== null && payload.length < length && { _length: length }),
      ...(withheld !== null && { _length: length, _withheld: withheld }),
    },
  ];
}

function eventOf({ time, payload, withheld }: EventRow): HarEvent {
  const { name, id, data } = parseEvent(payload ?? new Uint8Array());
  return {
    time: time / 1000,
    eventName: name === '' ? 'message' : name,
    eventId: id,
    data,
    ...(withheld !== null && { _withheld: withheld }),
  };
}

// -- parts

function pairsOf(head: HeadDetails | null): HarPair[] {
  return (head?.fields ?? []).map(([name, value]: FieldLine) => ({ name, value }));
}

function fieldOf(head: HeadDetails | null, lower: string): string | undefined {
  return head?.fields.find(([name]) => name.toLowerCase() === lower)?.[1];
}

/** Bytes of a head; -1 if it is not known. */
function sizeOf(head: HeadDetails | null): number {
  if (head === null || head.cut) return -1;
  return head.fields.reduce((sum, [name, value]) => sum + name.length + value.length + 4, head.line.length + 4);
}

function queryOf(target: string): HarPair[] {
  const at = target.indexOf('?');
  if (at < 0) return [];
  return [...new URLSearchParams(target.slice(at + 1))].map(([name, value]) => ({ name, value }));
}

/** The host of `host:port`, without the brackets of IPv6. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

const decoder = new TextDecoder();

function textOf(payload: Uint8Array | null): string {
  return payload === null ? '' : decoder.decode(payload);
}

/** Bytes per call, so that the arguments fit on the stack; a multiple of 3. */
const BASE64_PART = 3 << 12;

function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += BASE64_PART) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + BASE64_PART)));
  }
  return text;
}

/** One row as a line of JSON, without a line break: payloads are text, or base64 (`payloadBase64`) if they are not UTF-8. */
export function toJsonLine(row: FeedRow): string {
  if (!('payload' in row) || row.payload === null) return JSON.stringify(row);
  const { payload, ...others } = row;
  try {
    return JSON.stringify({ ...others, payload: strict.decode(payload) });
  } catch {
    return JSON.stringify({ ...others, payloadBase64: base64Of(payload) });
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
