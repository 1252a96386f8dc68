/** A message of a WebSocket as scripts see it, and the decision about it. */
import type { Decision } from '../../websocket/message-handler.js';
import type { MessageData, Side, WebSocketMessage } from '../public-types.js';
import { encodeMessage } from './message-data.js';
import { checkClose, type ScriptSession } from './websocket-session.js';

export class ScriptMessage implements WebSocketMessage {
  /** Decision of the function so far. */
  protected current: Decision = null;
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
    this.current = { action: 'replace', ...encodeMessage(data) };
  }

  drop(): void {
    this.current = DROP;
  }

  reply(data: MessageData): boolean {
    return this.socket.send(this.from, data);
  }

  insert(data: MessageData): boolean {
    return this.socket.send(this.from === 'client' ? 'upstream' : 'client', data);
  }

  close(code = 1000, reason = ''): void {
    checkClose(code, reason);
    this.current = { action: 'close', code, reason };
  }

  /** Returns the decision, and releases the payload's buffer, which is reused for other messages. */
  decided(): Decision {
    this.bytes = this.copy ?? EMPTY;
    return this.current;
  }
}

const DROP: Decision = { action: 'drop' };
const EMPTY = Buffer.alloc(0);
