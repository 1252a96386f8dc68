/**
 * The feed of the console: messages between the server and a viewer (the page, `tsproxy watch`), and the rows about traffic.
 * Nothing here needs Node, so that browsers can use it.
 *
 * The feed is a WebSocket with the subprotocol `FEED_PROTOCOL`. Text messages are JSON; binary messages are batches of rows,
 * which `decodeRows` (row-decoder.ts) reads. Rows of a connection or request are in order.
 */

import type * as tap from '../tap/rows.js';
import type {
  CloseRow,
  DroppedRow,
  FieldLine,
  OpenRow,
  RowOrigin,
  SenderCounts,
  TapKind,
  TryRow,
} from '../tap/rows.js';

export type { CloseRow, DroppedRow, FieldLine, OpenRow, SenderCounts, TryRow };

export const FEED_PROTOCOL = 'tsproxy.console.1';
export const FEED_VERSION = 1;

/** Kinds of rows: requests and responses, WebSockets with their frames, event streams. */
export type RowKind = TapKind;

export const ROW_KINDS: readonly RowKind[] = ['http', 'websocket', 'sse'];

/** Maximum number of payload bytes in a row. */
export const MAX_FEED_PAYLOAD = 1 << 20;

/** Maximum number of ids in `frames`. */
export const MAX_FRAME_IDS = 256;

/** Replaces the subscription of the viewer; there is none before the first. */
export interface SubscribeMessage {
  readonly type: 'subscribe';
  readonly kinds: readonly RowKind[];
  /** WebSockets and event streams whose frames and events are sent; the rows about them as a whole are always sent. */
  readonly frames: 'all' | 'none' | readonly string[];
  /** Payload bytes to include in a row; 0, or a server that hides payloads: lengths only. */
  readonly payload: number;
}

/** Requests the details of a request; answered by a message `details`. */
export interface DetailsRequest {
  readonly type: 'details';
  readonly id: string;
}

export type ViewerMessage = SubscribeMessage | DetailsRequest;

/** The first message of the server, and sent again when the viewer continues under another configuration. */
export interface HelloMessage {
  readonly type: 'hello';
  readonly version: number;
  /** Number of the configuration. */
  readonly generation: number;
  /** Number of worker processes. */
  readonly workers: number;
  /** Whether the proxy can be controlled. */
  readonly control: boolean;
  /** Whether requests can be repeated. */
  readonly replay: boolean;
  /** Whether rows include payloads. */
  readonly payload: boolean;
  /** Value of `X-Console-Token` in requests that control the proxy; null if it cannot be controlled. */
  readonly token: string | null;
}

/** The viewer sent an invalid message, or too many. */
export interface ErrorMessage {
  readonly type: 'error';
  readonly message: string;
}

/** A head as it was received or sent. */
export interface HeadDetails {
  /** Request line or status line. */
  readonly line: string;
  readonly fields: readonly FieldLine[];
  /** Whether fields are missing, because the head is too long. */
  readonly cut: boolean;
}

/** A line of the error log about a request. */
export interface LogLine {
  /** ms since 1970. */
  readonly time: number;
  readonly level: string;
  readonly message: string;
}

/** Selection of a server or location. */
export interface MatchDetails {
  /** The first name of the server; the name of the location. */
  readonly name: string;
  /** The reason in words. */
  readonly reason: string;
}

/** All recorded data about a request. Texts are redacted. */
export interface RequestDetails {
  readonly id: string;
  /** Whether the request has ended. */
  readonly ended: boolean;
  /** Heads: null if there is none, or if it was sent before a viewer was connected. */
  readonly request: HeadDetails | null;
  /** Head of the last request to the upstream. */
  readonly upstreamRequest: HeadDetails | null;
  readonly upstreamResponse: HeadDetails | null;
  readonly response: HeadDetails | null;
  readonly server: MatchDetails;
  readonly location: MatchDetails;
  /** URIs to which the request was redirected internally, in order. */
  readonly redirects: readonly string[];
  /** Variables that have been evaluated. */
  readonly variables: readonly FieldLine[];
  readonly log: readonly LogLine[];
  readonly tries: readonly TryRow[];
}

/** Answer to `DetailsRequest`; `request` is null if nothing is known about it any more. */
export interface DetailsMessage {
  readonly type: 'details';
  readonly id: string;
  readonly request: RequestDetails | null;
}

/** The head of a request has been read. */
export type RequestRow = Omit<tap.RequestRow, 'headers'>;

/** A request has ended; that of a WebSocket with its tunnel. */
export interface ResponseRow extends RowOrigin {
  readonly type: 'response';
  readonly status: number;
  /** Whether the response was sent completely. */
  readonly completed: boolean;
  /** Names of the server and the location. */
  readonly server: string;
  readonly location: string;
  /** Bytes received, head and body. */
  readonly received: number;
  /** Bytes sent after the head. */
  readonly sent: number;
  /** ms since the first byte of the request. */
  readonly duration: number;
  readonly tries: readonly TryRow[];
}

/** Reason why a row omits its payload. */
export type Withheld = tap.Withheld | 'hidden' | 'not decompressed';

/** Payload of a row; `length` is -1 if it is not known, or if it is the invalid one of a frame. */
interface Payload extends Omit<tap.Payload, 'withheld'> {
  readonly withheld: Withheld | null;
}

/** A frame of a WebSocket, as it is forwarded. */
export interface FrameRow extends Omit<tap.FrameRow, keyof Payload>, Payload {}

/** A message that was compressed by permessage-deflate, decompressed; it follows the last frame of the message. */
export interface MessageRow extends RowOrigin, Payload {
  readonly type: 'message';
  readonly from: 'client' | 'upstream';
  /** 1 text, 2 binary. */
  readonly opcode: number;
}

/** WebSockets of a worker whose totals are sent per second at most: of more, they are sent less often. */
export const MAX_TOTALS_PER_SECOND = 2500;

/** Totals of an open WebSocket, about once per second if they have changed (see `MAX_TOTALS_PER_SECOND`). */
export interface TunnelRow extends RowOrigin {
  readonly type: 'tunnel';
  readonly received: SenderCounts;
  readonly sent: SenderCounts;
  /** ms from the latest answered ping of the proxy to its pong; -1: none was answered. */
  readonly clientRoundTrip: number;
  readonly upstreamRoundTrip: number;
}

/** Totals of an open event stream, about once per second if they have changed. */
export interface StreamRow extends RowOrigin {
  readonly type: 'stream';
  readonly events: number;
  /** Bytes sent to the client. */
  readonly bytes: number;
  /** Responses with which the stream was continued (`sse_reconnect`), and repeated events that were dropped. */
  readonly reconnects: number;
  readonly replays: number;
  /** Comments inserted (`sse_heartbeat`). */
  readonly heartbeats: number;
  /** Whether the client waits until the upstream continues the stream. */
  readonly waiting: boolean;
}

/** A server-sent event or comment, as it is sent to the client. */
export interface EventRow extends RowOrigin, Payload {
  readonly type: 'event';
}

export type FeedRow =
  | RequestRow
  | ResponseRow
  | OpenRow
  | FrameRow
  | MessageRow
  | TunnelRow
  | CloseRow
  | StreamRow
  | EventRow
  | DroppedRow;

/**
 * Types of rows in a batch. A row is its type (one byte), the number of bytes that follow (four), and its fields: numbers are
 * little-endian, texts and payloads preceded by their length. The first fields are the time and, except for `dropped`, the id.
 */
export const ROW_TYPES = [
  'dropped',
  'request',
  'response',
  'open',
  'frame',
  'message',
  'tunnel',
  'close',
  'stream',
  'event',
] as const satisfies readonly FeedRow['type'][];

/** Values of `withheld` by number, from 1; 0 is null. */
export const WITHHELD: readonly Withheld[] = [
  'hidden',
  'compressed',
  'fragment',
  'too long',
  'not JSON',
  'not redacted',
  'not decompressed',
];

/** Sides of a connection by number. */
export const SIDES = ['client', 'upstream', 'proxy'] as const satisfies readonly CloseRow['by'][];

/** Bytes of a row before its fields. */
export const ROW_HEAD = 5;

// Bits of a frame's second flag byte; the first one is that of the frame: FIN, the reserved bits, opcode.
export const FROM_UPSTREAM = 1;
export const COMPRESSED = 2;
export const MASKED = 4;
