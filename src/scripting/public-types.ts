/** Types of the objects that functions of scripts receive, besides the request (`request.ts`). */

/** A text (string), bytes for a binary message, or any other value for its JSON text. */
export type MessageData = string | Uint8Array | ArrayBuffer | JsonValue;

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined };

export type Side = 'client' | 'upstream';

/** A WebSocket: its state, and messages that are sent independently of received ones. */
export interface WebSocketSession {
  /** Values that the script stores for this WebSocket: from `js_websocket_upgrade` to `js_websocket_close`. */
  readonly state: Record<string, unknown>;
  /** Whether it is open. */
  readonly open: boolean;
  /**
   * Sends a message to one side, between those of the other. Returns false if that side is slow, so that the message waits: then
   * `drained` should be awaited. Also returns false if nothing more can be sent. If more than 1 MiB waits, the WebSocket is
   * closed with 1013. Throws Error before the upgrade.
   */
  send(to: Side, data: MessageData): boolean;
  /** Resolves when no message is queued for that side. */
  drained(to: Side): Promise<void>;
  /**
   * Closes the WebSocket: both sides receive a Close frame. Throws RangeError if the code cannot be sent (RFC 6455, 7.4), or the
   * reason is longer than 123 bytes.
   */
  close(code?: number, reason?: string): void;
}

/** A whole message, unmasked and decompressed. A handler that calls none of the methods passes it on unchanged. */
export interface WebSocketMessage {
  /** The sender. */
  readonly from: Side;
  /** Whether it is a binary message; otherwise it is text. */
  readonly binary: boolean;
  /** The bytes; a copy. */
  readonly data: Buffer;
  /** The bytes as UTF-8 text; invalid sequences become U+FFFD. */
  readonly text: string;
  /** The value of the text as JSON. Throws SyntaxError if it is not JSON. */
  json<T = unknown>(): T;
  readonly socket: WebSocketSession;
  /** Passes on another message in its place: a text for a string, a binary message for bytes, otherwise JSON. */
  replace(data: MessageData): void;
  /** Does not pass it on. */
  drop(): void;
  /** Sends a message to its sender. Returns false if the sender is slow. */
  reply(data: MessageData): boolean;
  /** Sends a message to its receiver, before this one. Returns false if the receiver is slow. */
  insert(data: MessageData): boolean;
  /** Closes the WebSocket instead of passing the message on. Throws RangeError as `WebSocketSession.close`. */
  close(code?: number, reason?: string): void;
}

/** A request for a WebSocket, before it is sent to the upstream. `r.return(403)` refuses it. */
export interface WebSocketUpgrade {
  /** Subprotocols that the client has offered, in its order. */
  readonly protocols: readonly string[];
  /**
   * The subprotocol that is used: the upstream is offered this one only, and the client gets it even if the upstream's response
   * has none; null: none is used. Undefined: the upstream chooses. Throws RangeError for one that the client has not offered.
   */
  protocol: string | null | undefined;
  /** The WebSocket; its `state` is that of all functions. */
  readonly socket: WebSocketSession;
}

/** Messages, frames and payload bytes of one sender. */
export interface MessageCounts {
  readonly messages: number;
  readonly frames: number;
  readonly bytes: number;
}

/** A WebSocket that has ended. */
export interface WebSocketClosing {
  /** The side that has closed it, or whose connection was lost. */
  readonly by: 'client' | 'upstream' | 'proxy';
  /** Code of the first Close frame: 1005 if it has none, 1006 if the connection ended without one. */
  readonly code: number;
  readonly reason: string;
  /** ms for which it was open. */
  readonly duration: number;
  readonly fromClient: MessageCounts;
  readonly fromUpstream: MessageCounts;
  readonly socket: WebSocketSession;
}

/** Fields of an event. */
export interface EventFields {
  /** Lines of data; any value but a text is sent as JSON. Undefined: none. */
  readonly data?: string | JsonValue;
  /** Type; undefined: `message`. */
  readonly event?: string;
  readonly id?: string;
  /** ms until the client reconnects. */
  readonly retry?: number;
}

/** An event of the upstream. A function that calls none of the methods passes it on unchanged. */
export interface ServerSentEvent {
  /** Data without the field name; several lines are separated by line feeds. */
  readonly data: string;
  /** Type of the event: `message` if it has none. */
  readonly event: string;
  /** Null: the event has none. */
  readonly id: string | null;
  /** Null: the event has none. */
  readonly retry: number | null;
  /** The data as JSON. Throws SyntaxError if it is not JSON. */
  json<T = unknown>(): T;
  /** Passes on other fields; those that are not given stay as they are. */
  replace(fields: EventFields): void;
  /** Passes on several events in its place. */
  split(events: readonly EventFields[]): void;
  drop(): void;
  /** Sends an event before this one. */
  insert(event: EventFields): void;
  /** Ends the stream after this event, which `drop` may remove. */
  close(): void;
}

export type FieldValue = string | number;

/** Header fields, by case-insensitive names. Iterating yields a name and a value for each line. */
export interface FieldList extends Iterable<[name: string, value: string]> {
  /** Value of a field, several lines joined by `, `; null if there is none. */
  get(name: string): string | null;
  /** Values of all lines with that name. */
  getAll(name: string): string[];
  has(name: string): boolean;
  /**
   * Replaces all lines with that name by one, or one for each value. Throws TypeError if the name is no token, a value contains a
   * line break, or the field belongs to the connection and is set by the proxy: `Connection`, `Content-Length`,
   * `Transfer-Encoding`, `Upgrade`, `Keep-Alive`, `Trailer`.
   */
  set(name: string, value: FieldValue | readonly FieldValue[]): void;
  /** Adds a line. Throws as `set`. */
  append(name: string, value: FieldValue): void;
  delete(name: string): void;
}

/** A request to an upstream, before its head is sent. */
export interface UpstreamRequest {
  /** Throws TypeError for a text that is no token. */
  method: string;
  /**
   * Target as it is sent: path and query. Throws TypeError for one that does not begin with a slash, or has spaces or control
   * characters.
   */
  target: string;
  readonly headers: FieldList;
}

/** A response of an upstream, before its head is sent to the client. */
export interface UpstreamResponse {
  /** Throws RangeError unless it is between 200 and 599. */
  status: number;
  /** The fields that are sent, without those that `proxy_hide_header` hides; `r.variables.upstream_http_*` has all. */
  readonly headers: FieldList;
}

/** A message that `js_websocket_observe` has seen; it was passed on already. */
export interface ObservedMessage {
  readonly from: Side;
  readonly binary: boolean;
  readonly data: Buffer;
  readonly text: string;
  json<T = unknown>(): T;
  /** ms since 1970. */
  readonly time: number;
  /** Messages of the sender that were dropped before this one, because the function was too slow. */
  readonly dropped: number;
}

/** A request that has ended, for `js_observe`. */
export interface ObservedRequest {
  readonly method: string;
  /** As the client has sent it. */
  readonly target: string;
  readonly host: string;
  /** Address of the client. */
  readonly client: string;
  readonly headersIn: readonly (readonly [name: string, value: string])[];
  /** 0: there was no response. */
  readonly status: number;
  readonly headersOut: readonly (readonly [name: string, value: string])[];
  /** Bytes sent after the head. */
  readonly bytes: number;
  /** ms since 1970, and ms until the end. */
  readonly started: number;
  readonly duration: number;
  /** Address of the last upstream server; empty if there was none. */
  readonly upstream: string;
  readonly completed: boolean;
  /** Requests that were not observed before this one, because the function was too slow. */
  readonly dropped: number;
}
