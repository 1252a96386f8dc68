/** A WebSocket as scripts see it, from its upgrade to its end. */
import { maySend, NORMAL_CLOSURE, TRY_AGAIN_LATER } from '../../websocket/close-codes.js';
import type { MessageOutput } from '../../websocket/message-handler.js';
import type { MessageData, Side, WebSocketSession } from '../public-types.js';
import { encodeMessage } from './message-data.js';

/** Bytes that may wait for one side; more close the WebSocket. */
const MAX_WAITING = 1 << 20;
/** Maximum length of the reason of a Close frame, bytes. */
const MAX_REASON = 123;

/** Throws RangeError if a Close frame cannot have that code and reason. */
export function checkClose(code: number, reason: string): void {
  if (!maySend(code))
    throw new RangeError(`${code} is no code of a Close frame: 1000 to 1003, 1007 to 1014, 3000 to 4999`);
  if (Buffer.byteLength(reason) > MAX_REASON)
    throw new RangeError(`the reason of a Close frame has ${MAX_REASON} bytes at most`);
}

export class ScriptSession implements WebSocketSession {
  readonly state: Record<string, unknown> = {};
  private ended = false;
  private readonly outputs: Partial<Record<Side, MessageOutput>> = {};

  /** `overflow`: called before the WebSocket is closed because too much waits for one side. */
  constructor(private readonly overflow: (to: Side) => void) {}

  get open(): boolean {
    return !this.ended && this.outputs.client !== undefined;
  }

  /** Sets the direction in which messages reach a side. */
  attach(to: Side, output: MessageOutput): void {
    this.outputs[to] = output;
  }

  /** Called when the WebSocket has ended. */
  end(): void {
    this.ended = true;
  }

  private output(to: Side): MessageOutput {
    const output = this.outputs[to];
    if (output !== undefined) return output;
    if (to !== 'client' && to !== 'upstream') throw new TypeError(`unknown side "${String(to)}": client or upstream`);
    throw new Error('the WebSocket is not open yet');
  }

  send(to: Side, data: MessageData): boolean {
    const output = this.output(to);
    const message = encodeMessage(data);
    if (this.ended) return false;
    const sent = output.insert(message.binary, message.data);
    if (output.waiting <= MAX_WAITING) return sent && output.waiting === 0;
    this.overflow(to);
    output.close(TRY_AGAIN_LATER, 'receiver is too slow');
    return false;
  }

  drained(to: Side): Promise<void> {
    const output = this.output(to);
    return new Promise((resolve) => output.whenInserted(resolve));
  }

  /** Whether messages that were inserted wait for one of the sides. */
  get waiting(): boolean {
    const { client, upstream } = this.outputs;
    return (client?.waiting ?? 0) + (upstream?.waiting ?? 0) > 0;
  }

  /** Resolves when no inserted message is queued. */
  async allDrained(): Promise<void> {
    while (this.waiting) await Promise.all([this.drained('client'), this.drained('upstream')]);
  }

  close(code: number = NORMAL_CLOSURE, reason = ''): void {
    checkClose(code, reason);
    const output = this.output('client');
    if (!this.ended) output.close(code, reason);
  }
}
