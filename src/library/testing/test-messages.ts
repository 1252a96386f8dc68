/** Messages and events that tests construct, without a proxy. */

import { encodeMessage } from '../../scripting/messages/message-data.js';
import { ScriptEvent } from '../../scripting/messages/server-sent-event.js';
import { ScriptMessage } from '../../scripting/messages/websocket-message.js';
import { ScriptSession } from '../../scripting/messages/websocket-session.js';
import type {
  EventFields,
  MessageData,
  ServerSentEvent,
  Side,
  WebSocketMessage,
  WebSocketSession,
} from '../../scripting/public-types.js';
import type { MessageOutput } from '../../websocket/message-handler.js';

/** A text, or the bytes of a binary message. */
export type ReceivedData = string | Buffer;

/** Decision of a function about a message. */
export interface TestDecision {
  readonly action: 'pass' | 'replace' | 'drop' | 'close';
  /** The message that the receiver gets; null if it gets none. */
  readonly data: ReceivedData | null;
  /** Close frame; 0 if there is none. */
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket that records what functions send over it. */
export interface TestSocket extends WebSocketSession {
  /** Messages that were sent in addition to the handled ones, in order. */
  readonly sent: readonly { readonly to: Side; readonly data: ReceivedData }[];
  /** Close frame of `close`; null if it was not called. */
  readonly closing: { readonly code: number; readonly reason: string } | null;
}

export interface TestMessage extends WebSocketMessage {
  readonly socket: TestSocket;
  readonly decision: TestDecision;
}

class ConstructedSocket extends ScriptSession implements TestSocket {
  readonly sent: { to: Side; data: ReceivedData }[] = [];
  closing: TestSocket['closing'] = null;

  constructor() {
    super(() => {});
    for (const to of ['client', 'upstream'] as const) this.attach(to, this.recorder(to));
  }

  private recorder(to: Side): MessageOutput {
    return {
      waiting: 0,
      insert: (binary, data) => {
        this.sent.push({ to, data: binary ? data : data.toString() });
        return true;
      },
      whenInserted: (then) => then(),
      close: (code, reason) => {
        this.closing ??= { code, reason };
        this.end();
      },
    };
  }
}

/** Constructs an open WebSocket; several messages may share it. */
export function testSocket(): TestSocket {
  return new ConstructedSocket();
}

class ConstructedMessage extends ScriptMessage implements TestMessage {
  constructor(
    from: Side,
    private readonly received: { readonly binary: boolean; readonly data: Buffer },
    override readonly socket: ConstructedSocket,
  ) {
    super(from, received.binary, received.data, socket);
  }

  get decision(): TestDecision {
    const decision = this.current;
    const { binary, data } = this.received;
    if (decision === null) return { action: 'pass', data: binary ? data : data.toString(), code: 0, reason: '' };
    if (decision.action === 'drop') return { action: 'drop', data: null, code: 0, reason: '' };
    if (decision.action === 'close') return { ...decision, data: null };
    const replaced = decision.binary ? decision.data : decision.data.toString();
    return { action: 'replace', data: replaced, code: 0, reason: '' };
  }
}

export interface TestMessageOptions {
  /** Default: client. */
  readonly from?: Side;
  /** Default: one of its own. */
  readonly socket?: TestSocket;
}

/** Constructs a message: text for a string, binary for bytes, otherwise the JSON text of a value. */
export function testMessage(data: MessageData, options: TestMessageOptions = {}): TestMessage {
  const { from = 'client', socket = testSocket() } = options;
  if (!(socket instanceof ConstructedSocket)) throw new TypeError('"socket" must be one of testSocket()');
  return new ConstructedMessage(from, encodeMessage(data), socket);
}

export interface TestEvent extends ServerSentEvent {
  /** The text that the client gets. */
  readonly output: string;
  /** Whether the stream ends after it. */
  readonly closes: boolean;
}

class ConstructedEvent extends ScriptEvent implements TestEvent {
  constructor(private readonly received: string) {
    super(Buffer.from(received));
  }
  get output(): string {
    return this.decided()?.bytes.toString() ?? this.received;
  }
  get closes(): boolean {
    return this.decided()?.end === true;
  }
}

/** Constructs an event of its fields. */
export function testEvent({ data = '', event, id, retry }: EventFields): TestEvent {
  const lines = (typeof data === 'string' ? data : JSON.stringify(data)).split('\n').map((line) => `data: ${line}`);
  if (retry !== undefined) lines.unshift(`retry: ${retry}`);
  if (id !== undefined) lines.unshift(`id: ${id}`);
  if (event !== undefined) lines.unshift(`event: ${event}`);
  return new ConstructedEvent(`${lines.join('\n')}\n\n`);
}
