/** Stage that passes everything on at once, and reads the messages of a direction for an observer. */
import type { Deflate } from './deflate.js';
import { MAX_HEADER } from './frame-writer.js';
import { type MessageListener, MessageReader, recycle } from './message-reader.js';
import type { Stage, StageHost } from './stage.js';

/** Receives the messages of one sender. Must not throw. */
export interface MessageObserver {
  /** A message has been passed on; `data` is a copy. */
  message(binary: boolean, data: Buffer): void;
  /** Observation has ended: the stream is invalid, or a message is too long. */
  lost(reason: string): void;
}

export interface ObservingOptions {
  readonly fromClient: boolean;
  /** Maximum length of a message, as received and decompressed, bytes. */
  readonly maxMessage: number;
  /** permessage-deflate of the sender; null: not used. */
  readonly inflate: Deflate | null;
}

/** Compressed bytes that may wait to be decompressed. */
const MAX_COMPRESSED = 4 << 20;

export class ObservingStage implements Stage, MessageListener {
  readonly full = false;
  readonly busy = false;
  private readonly reader: MessageReader;
  private over = false;
  /** Messages that wait to be decompressed, which must be done in order; the first one is in progress. */
  private readonly compressed: { readonly binary: boolean; readonly bytes: Buffer; readonly end: number }[] = [];
  private compressedLength = 0;

  constructor(
    private readonly host: StageHost,
    private readonly observer: MessageObserver,
    private readonly options: ObservingOptions,
  ) {
    const { fromClient, inflate, maxMessage } = options;
    this.reader = new MessageReader({ masked: fromClient, deflate: inflate !== null, maxMessage }, this);
  }

  push(bytes: Buffer, start: number, end: number): void {
    this.host.pass(bytes, start, end);
    for (let at = start; at < end && !this.over; ) at = this.reader.next(bytes, at, end);
  }

  /** Nothing is queued here. */
  drained(): void {}

  receiverClosed(): void {
    this.stop();
  }

  dispose(): void {
    this.stop();
    this.options.inflate?.dispose();
  }

  private stop(): void {
    if (this.over) return;
    this.over = true;
    this.reader.discard();
    this.compressed.length = 0;
  }

  onControl(): void {}

  onInvalid(_code: number, reason: string): void {
    this.lose(reason);
  }

  private lose(reason: string): void {
    if (this.over) return;
    this.stop();
    this.observer.lost(reason);
  }

  onMessage(binary: boolean, compressed: boolean, bytes: Buffer, end: number): void {
    if (!compressed) {
      this.observer.message(binary, Buffer.from(bytes.subarray(MAX_HEADER, end)));
      recycle(bytes);
      return;
    }
    this.compressedLength += end;
    if (this.compressedLength > MAX_COMPRESSED) {
      this.lose('messages arrive faster than they can be decompressed');
      return;
    }
    this.compressed.push({ binary, bytes, end });
    if (this.compressed.length === 1) this.decompress();
  }

  private decompress(): void {
    const [first] = this.compressed;
    if (first === undefined) return;
    const { binary, bytes, end } = first;
    this.options.inflate?.decompress(bytes.subarray(MAX_HEADER, end), (coded) => {
      if (this.over) return;
      if ('code' in coded) {
        this.lose(coded.reason);
        return;
      }
      this.compressed.shift();
      this.compressedLength -= end;
      recycle(bytes);
      this.observer.message(binary, Buffer.from(coded));
      this.decompress();
    });
  }
}
