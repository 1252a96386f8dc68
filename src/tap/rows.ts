/** Rows of the traffic tap as subscribers receive them. Nothing here needs Node, so that browsers can use it. */

import type { Place } from '../config/place.js';

/** Kinds of rows: requests and responses, WebSockets with their frames, server-sent events. */
export type TapKind = 'http' | 'websocket' | 'sse';

/** Reason why a row omits its payload. */
export type Withheld =
  /** The payload is compressed, and has to be redacted. */
  | 'compressed'
  /** The payload is a fragment of a message that can only be redacted as a whole. */
  | 'fragment'
  /** The payload is longer than the limit of redaction. */
  | 'too long'
  /** The payload is not JSON, and members of JSON have to be redacted. */
  | 'not JSON'
  /** An expression has exceeded its limits, or JSON is nested too deeply. */
  | 'not redacted';

/** Fields of every row about a request. */
export interface RowOrigin {
  /** Identifies the request, its WebSocket and its events: unique among the workers of a proxy. */
  readonly id: string;
  /** ms since 1970. */
  readonly time: number;
}

/** Name and value of a header field. */
export type FieldLine = readonly [name: string, value: string];

/** A request, when its head has been read. */
export interface RequestRow extends RowOrigin {
  readonly type: 'request';
  /** Whether the client uses TLS. */
  readonly secure: boolean;
  /** Address of the client, with its port. */
  readonly client: string;
  readonly host: string;
  readonly method: string;
  readonly target: string;
  /** Number of the configuration. */
  readonly generation: number;
  readonly headers: readonly FieldLine[];
}

/** An attempt to pass a request to a server of the upstream. Times in ms; -1: not reached. */
export interface TryRow {
  readonly address: string;
  /** 0: no response. */
  readonly status: number;
  /** From the first byte of the request to the beginning of the attempt. */
  readonly start: number;
  /** In the queue of the upstream, before the attempt. */
  readonly queue: number;
  /** From the beginning of the attempt until connected, until the head of the response was received, and until its end. */
  readonly connect: number;
  readonly head: number;
  readonly done: number;
  /** Bytes. */
  readonly sent: number;
  readonly received: number;
}

/** The end of a request, when it is logged; that of an upgrade is the end of its tunnel. */
export interface ResponseRow extends RowOrigin {
  readonly type: 'response';
  /** Whether the client uses TLS. */
  readonly secure: boolean;
  readonly client: string;
  readonly host: string;
  readonly generation: number;
  readonly method: string;
  readonly target: string;
  /** 0 if there was no response. */
  readonly status: number;
  /** Fields that the upstream or the proxy has set. */
  readonly headers: readonly FieldLine[];
  /** Names of the server and the location. */
  readonly server: string;
  readonly location: string;
  /** The block of the configuration that handled the request; null if none was reached. */
  readonly place?: Place | null;
  /** Bytes received from the client, head and body. */
  readonly received: number;
  /** Bytes sent to the client after the head. */
  readonly bytes: number;
  /** ms since the first byte of the request. */
  readonly duration: number;
  /** Address of the last upstream server; empty if there was none. */
  readonly upstream: string;
  readonly tries: readonly TryRow[];
  /** Whether the response was sent completely. */
  readonly completed: boolean;
}

/** A WebSocket that was opened; subscribers also receive one for each that is open already. */
export interface OpenRow extends RowOrigin {
  readonly type: 'open';
  /** Whether the client uses TLS. */
  readonly secure: boolean;
  readonly client: string;
  readonly host: string;
  readonly target: string;
  readonly location: string;
  /** The block of the configuration that handled the request. */
  readonly place?: Place | null;
  readonly upstream: string;
  /** `Sec-WebSocket-Protocol` and `Sec-WebSocket-Extensions` of the upstream's response. */
  readonly protocol: string;
  readonly extensions: string;
  /** Number of the configuration with which its request began. */
  readonly generation: number;
  /** ms since 1970. */
  readonly openedAt: number;
}

/** Payload of a row. */
export interface Payload {
  /** Length of the whole payload, bytes. */
  readonly length: number;
  /** Beginning of the payload, unmasked and redacted; null if it is withheld. */
  readonly payload: Uint8Array | null;
  readonly withheld: Withheld | null;
}

/** A frame of a WebSocket, as it is forwarded. */
export interface FrameRow extends RowOrigin, Payload {
  readonly type: 'frame';
  readonly from: 'client' | 'upstream';
  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  readonly opcode: number;
  /** Whether it is the last frame of its message. */
  readonly fin: boolean;
  /** Reserved bits, RSV1 highest (4). */
  readonly rsv: number;
  /** Whether it belongs to a message compressed by permessage-deflate; the payload is compressed, too. */
  readonly compressed: boolean;
  /** Masking key as an unsigned number; null if the payload is not masked. */
  readonly mask: number | null;
}

/** A server-sent event or comment, as it is sent to the client. */
export interface EventRow extends RowOrigin, Payload {
  readonly type: 'event';
}

/** Frames of one sender of a WebSocket. */
export interface SenderCounts {
  readonly messages: number;
  readonly frames: number;
  readonly bytes: number;
}

/** The end of a WebSocket. */
export interface CloseRow extends RowOrigin {
  readonly type: 'close';
  readonly by: 'client' | 'upstream' | 'proxy';
  readonly code: number;
  readonly reason: string;
  /** ms. */
  readonly duration: number;
  readonly received: SenderCounts;
  readonly sent: SenderCounts;
}

/** Rows that were dropped at this place, because the subscriber was too slow. */
export interface DroppedRow {
  readonly type: 'dropped';
  readonly count: number;
  readonly time: number;
}

/** A row as subscribers receive it: texts are UTF-8, and everything is redacted. */
export type TapRow = RequestRow | ResponseRow | OpenRow | FrameRow | CloseRow | EventRow | DroppedRow;
