/** A message of a WebSocket as scripts see it, and the decision about it. */
import type { Decision } from '../../websocket/message-handler.js';
import { encodeMessage, type MessageData } from './message-data.js';
import { checkClose, type ScriptSession, type Side, type WebSocketSession } from './websocket-session.js';

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

export class ScriptMessage implements WebSocketMessage {
  /** Decision of the function so far. */
  decision: Decision = null;
  private copy: Buffer | null = null;

  constructor(
    readonly from: Side,
    readonly binary: boolean,
    /** Valid until the decision. */
    private bytes: Buffer,
    readonly socket: ScriptSession,
  ) {}

  get data(): Buffer {
    this.copy ??= Buffer.from(this.bytes);
    return this.copy;
  }

  get text(): string {
    return this.bytes.toString();
  }

  json<T>(): T {
    return JSON.parse(this.text) as T;
  }

  replace(data: MessageData): void {
    this.decision = { action: 'replace', ...encodeMessage(data) };
  }

  drop(): void {
    this.decision = DROP;
  }

  reply(data: MessageData): boolean {
    return this.socket.send(this.from, data);
  }

  insert(data: MessageData): boolean {
    return this.socket.send(this.from === 'client' ? 'upstream' : 'client', data);
  }

  close(code = 1000, reason = ''): void {
    checkClose(code, reason);
    this.decision = { action: 'close', code, reason };
  }

  /** Detaches it from the buffer that is used for other messages afterwards. */
  decided(): Decision {
    this.bytes = this.copy ?? EMPTY;
    return this.decision;
  }
}

const DROP: Decision = { action: 'drop' };
const EMPTY = Buffer.alloc(0);
