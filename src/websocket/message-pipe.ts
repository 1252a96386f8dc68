/**
 * Stage that reads whole messages, lets handlers decide about each of them, and writes new frames to the receiver: one message at
 * a time, in the order of arrival. Bytes that arrive while a message is being handled, or the receiver is slow, are
 * queued unread, so that memory use does not depend on the number of frames in them.
 */
import { ByteQueue } from '../net/byte-queue.js';
import type { Deflate } from './deflate.js';
import { MAX_HEADER, writeHeader } from './frame-writer.js';
import type { Decision, Message, MessageHandler, MessageOutput } from './message-handler.js';
import { type MessageListener, MessageReader, recycle, withSpace } from './message-reader.js';
import { BINARY, CLOSE, TEXT } from './opcodes.js';
import type { Stage, StageHost } from './stage.js';

/** Queued bytes above which the sender is paused. One read of a socket may exceed it. */
const MAX_QUEUED = 65536;
const FIN = 0x80;
const RSV1 = 0x40;

export interface PipeOptions {
  /** Whether the sender is the client, so that frames are masked in both parts of the direction. */
  readonly fromClient: boolean;
  /** Maximum length of a message, as received and decompressed, bytes. */
  readonly maxMessage: number;
  /** permessage-deflate of the sender and of the receiver; null: not used there. */
  readonly inflate: Deflate | null;
  readonly deflate: Deflate | null;
  readonly handlers: readonly MessageHandler[];
  /** Reports a stream that is invalid or exceeds `maxMessage`, before the WebSocket is closed. */
  onInvalid(code: number, reason: string): void;
  /** Reports an exception of a handler, or a rejected promise. */
  onFailure(error: unknown): void;
}

/** A message to be written: bytes MAX_HEADER to `end`. */
interface Outgoing {
  readonly binary: boolean;
  readonly bytes: Buffer;
  readonly end: number;
  /** Whether it was inserted, and is not the message that is being handled. */
  readonly inserted: boolean;
}

export class MessagePipe implements Stage, MessageListener, MessageOutput {
  private readonly reader: MessageReader;
  private readonly queue = new ByteQueue();
  /** Whether a message is being processed by a handler or a codec. */
  private pending = false;
  /** Whether the receiver is slow. */
  private slow = false;
  private paused = false;
  /** Whether `continue` is already on the call stack. */
  private reading = false;
  /** Whether the proxy has closed the WebSocket or this direction: only the sender's Close frame is still passed on. */
  private closed = false;
  private over = false;
  /**
   * Messages that wait until another one is compressed, inserted ones also for a slow receiver; null: nothing was inserted yet.
   */
  private outgoing: Outgoing[] | null = null;
  /** Bytes of inserted messages in `outgoing`, with space for their headers. */
  waiting = 0;
  /** Whether a message is being compressed. */
  private compressing = false;
  /** Whether the sender's Close frame was passed on: no message may follow it. */
  private senderClosed = false;
  private insertedCallbacks: (() => void)[] = [];

  constructor(
    private readonly host: StageHost,
    private readonly options: PipeOptions,
  ) {
    const { fromClient, inflate, maxMessage } = options;
    this.reader = new MessageReader({ masked: fromClient, deflate: inflate !== null, maxMessage }, this);
    for (const handler of options.handlers) handler.attach?.(this);
  }

  get full(): boolean {
    return this.paused;
  }

  get busy(): boolean {
    return this.pending || this.compressing || this.queue.length > 0 || this.waiting > 0;
  }

  push(bytes: Buffer, start: number, end: number): void {
    if (this.over) return;
    let at = start;
    if (this.queue.length === 0) {
      this.reading = true;
      at = this.read(bytes, start, end);
      this.reading = false;
    }
    if (at === end || this.over) return;
    this.queue.push(bytes, at, end);
    if (this.paused || this.queue.length < MAX_QUEUED) return;
    this.paused = true;
    this.host.pauseSender();
  }

  drained(): void {
    this.slow = false;
    this.flush();
    this.continue();
  }

  receiverClosed(): void {
    if (this.over) return;
    this.closed = true;
    this.reader.discard();
    this.pending = false;
    this.slow = false;
    this.dropOutgoing();
    this.continue();
  }

  close(code: number, reason: string): void {
    if (this.closed || this.over) return;
    this.closed = true;
    this.reader.discard();
    this.dropOutgoing();
    this.host.close(code, reason);
    this.pending = false;
    this.continue();
  }

  dispose(): void {
    if (this.over) return;
    this.over = true;
    this.pending = false;
    this.queue.clear();
    this.dropOutgoing();
    this.reader.discard();
    for (const handler of this.options.handlers) handler.dispose();
    this.options.inflate?.dispose();
    this.options.deflate?.dispose();
  }

  /** Reads bytes until a message has to wait; returns the position reached. */
  private read(bytes: Buffer, start: number, end: number): number {
    const { reader } = this;
    let at = start;
    while (at < end && !this.stalled && !this.over) {
      at = reader.next(bytes, at, end);
    }
    return at;
  }

  /** Whether reading has to wait for a message that is being handled or written, or for the receiver. */
  private get stalled(): boolean {
    return this.pending || this.slow || this.compressing;
  }

  /** Continues with queued bytes. */
  private continue(): void {
    if (this.reading || this.over) return;
    this.reading = true;
    const { queue } = this;
    while (queue.length > 0 && !this.stalled) {
      const first = queue.first();
      const read = this.read(first, 0, first.length);
      if (this.isOver) return;
      queue.drop(read);
    }
    this.reading = false;
    if (this.busy) return;
    if (this.paused) {
      this.paused = false;
      this.host.resumeSender();
    }
    this.host.idle();
  }

  /** A getter, because TypeScript would narrow the property although calls in between may change it. */
  private get isOver(): boolean {
    return this.over;
  }

  // -- the contents of the stream

  onInvalid(code: number, reason: string): void {
    if (this.closed) return;
    this.options.onInvalid(code, reason);
    this.close(code, reason);
  }

  onControl(opcode: number, bytes: Buffer, end: number): void {
    // Inserted messages were sent before: nothing is read while one waits.
    if (opcode === CLOSE) this.senderClosed = true;
    this.send(FIN | opcode, bytes, end);
  }

  onMessage(binary: boolean, compressed: boolean, bytes: Buffer, end: number): void {
    const { inflate } = this.options;
    this.pending = true;
    if (!compressed || inflate === null) this.handle(0, binary, bytes, end);
    else {
      inflate.decompress(bytes.subarray(MAX_HEADER, end), (coded) => {
        if (this.ended) return;
        if ('code' in coded) this.onInvalid(coded.code, coded.reason);
        else {
          recycle(bytes);
          const inflated = withSpace(coded);
          this.handle(0, binary, inflated.bytes, inflated.end);
        }
      });
    }
  }

  /** Whether decisions are ignored. */
  private get ended(): boolean {
    return this.over || this.closed;
  }

  // -- the message in progress

  /** Passes the message in progress to the handlers from that index on. */
  private handle(from: number, binary: boolean, bytes: Buffer, end: number): void {
    const { handlers } = this.options;
    for (let i = from; i < handlers.length; i++) {
      const message: Message = { binary, data: bytes.subarray(MAX_HEADER, end) };
      let decision: Decision | Promise<Decision>;
      try {
        decision = (handlers[i] as MessageHandler).handle(message);
      } catch (error) {
        this.failed(error);
        return;
      }
      if (decision === null) continue;
      if (decision instanceof Promise) {
        decision.then(
          (settled) => this.decided(settled, i, binary, bytes, end),
          (error) => this.failed(error),
        );
      } else this.decided(decision, i, binary, bytes, end);
      return;
    }
    this.deliver(binary, bytes, end);
  }

  private decided(decision: Decision, index: number, binary: boolean, bytes: Buffer, end: number): void {
    if (this.ended) return;
    if (decision === null) this.handle(index + 1, binary, bytes, end);
    else if (decision.action === 'close') this.close(decision.code, decision.reason);
    else if (decision.action === 'drop') {
      recycle(bytes);
      this.finished();
    } else {
      const replaced = withSpace(decision.data);
      recycle(bytes);
      this.handle(index + 1, decision.binary, replaced.bytes, replaced.end);
    }
  }

  private failed(error: unknown): void {
    if (this.ended) return;
    this.options.onFailure(error);
    this.close(1011, 'internal error');
  }

  private deliver(binary: boolean, bytes: Buffer, end: number): void {
    this.write({ binary, bytes, end, inserted: false });
  }

  // -- the messages that are written

  insert(binary: boolean, data: Buffer): boolean {
    if (this.ended || this.senderClosed) return false;
    // Of the exact size, because many may wait.
    const end = MAX_HEADER + data.length;
    const bytes = Buffer.allocUnsafe(end);
    data.copy(bytes, MAX_HEADER);
    this.outgoing ??= [];
    this.write({ binary, bytes, end, inserted: true });
    return true;
  }

  whenInserted(then: () => void): void {
    if (this.waiting === 0) then();
    else this.insertedCallbacks.push(then);
  }

  private write(message: Outgoing): void {
    const { outgoing } = this;
    const waits = this.compressing || (outgoing !== null && (outgoing.length > 0 || (message.inserted && this.slow)));
    if (!waits || outgoing === null) {
      this.start(message);
      return;
    }
    outgoing.push(message);
    if (message.inserted) this.waiting += message.end;
  }

  private start({ binary, bytes, end, inserted }: Outgoing): void {
    const { deflate } = this.options;
    const first = FIN | (binary ? BINARY : TEXT);
    if (deflate?.compresses(end - MAX_HEADER) !== true) {
      this.send(first, bytes, end);
      recycle(bytes);
      if (!inserted) this.finished();
      return;
    }
    this.compressing = true;
    deflate.compress(bytes.subarray(MAX_HEADER, end), (coded) => {
      this.compressing = false;
      if (this.ended) {
        this.continue();
        return;
      }
      if ('code' in coded) return this.onInvalid(coded.code, coded.reason);
      recycle(bytes);
      const compressed = withSpace(coded);
      this.send(first | RSV1, compressed.bytes, compressed.end);
      recycle(compressed.bytes);
      if (!inserted) this.pending = false;
      this.flush();
      this.continue();
    });
  }

  /** Writes messages that have waited. */
  private flush(): void {
    const { outgoing } = this;
    if (outgoing === null || outgoing.length === 0) return;
    while (outgoing.length > 0 && !this.compressing && !this.ended) {
      if (this.slow && outgoing[0]?.inserted === true) return;
      const message = outgoing.shift();
      if (message === undefined) return;
      if (message.inserted) this.waiting -= message.end;
      this.start(message);
    }
    this.notifyInserted();
  }

  /** Drops messages that can no longer be sent. */
  private dropOutgoing(): void {
    this.outgoing?.splice(0);
    this.waiting = 0;
    this.notifyInserted();
  }

  private notifyInserted(): void {
    if (this.waiting > 0) return;
    for (const then of this.insertedCallbacks.splice(0)) then();
  }

  private finished(): void {
    this.pending = false;
    this.continue();
  }

  private send(first: number, bytes: Buffer, end: number): void {
    const from = writeHeader(bytes, MAX_HEADER, end, first, this.options.fromClient);
    if (!this.host.pass(bytes, from, end) && !this.closed) this.slow = true;
  }
}
