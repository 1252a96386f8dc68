/** Counters of the frames that one side of a WebSocket has sent. Bytes are those of payloads, by the length in the header. */
import { BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT } from './opcodes.js';

/** Recorder of the sizes of messages. */
export interface MessageSizes {
  observe(bytes: number): void;
}

export class FrameCounts {
  /** Null if sizes are not recorded. */
  sizes: MessageSizes | null = null;
  /** Payload bytes of the frames of the current message, if sizes are recorded. */
  private size = 0;
  /** Complete messages: a message is counted with the header of its last frame. */
  messages = 0;
  /** Frames by opcode: text and binary frames begin messages, continuation frames continue them. */
  textFrames = 0;
  textBytes = 0;
  binaryFrames = 0;
  binaryBytes = 0;
  continuationFrames = 0;
  continuationBytes = 0;
  closeFrames = 0;
  pingFrames = 0;
  pongFrames = 0;
  controlBytes = 0;
  /** Frames with opcodes that RFC 6455 does not define. */
  unknownFrames = 0;
  unknownBytes = 0;

  /** Counts a frame. */
  add(opcode: number, fin: boolean, length: number): void {
    switch (opcode) {
      case TEXT:
        this.textFrames++;
        this.textBytes += length;
        if (fin) this.messages++;
        if (this.sizes !== null) this.measure(this.sizes, length, fin);
        break;
      case BINARY:
        this.binaryFrames++;
        this.binaryBytes += length;
        if (fin) this.messages++;
        if (this.sizes !== null) this.measure(this.sizes, length, fin);
        break;
      case CONTINUATION:
        this.continuationFrames++;
        this.continuationBytes += length;
        if (fin) this.messages++;
        if (this.sizes !== null) this.measure(this.sizes, this.size + length, fin);
        break;
      case CLOSE:
        this.closeFrames++;
        this.controlBytes += length;
        break;
      case PING:
        this.pingFrames++;
        this.controlBytes += length;
        break;
      case PONG:
        this.pongFrames++;
        this.controlBytes += length;
        break;
      default:
        this.unknownFrames++;
        this.unknownBytes += length;
    }
  }

  private measure(sizes: MessageSizes, size: number, fin: boolean): void {
    this.size = size;
    if (fin) sizes.observe(size);
  }

  /** All frames. */
  get frames(): number {
    return this.textFrames + this.binaryFrames + this.continuationFrames + this.controlFrames + this.unknownFrames;
  }

  get controlFrames(): number {
    return this.closeFrames + this.pingFrames + this.pongFrames;
  }

  /** Payload bytes of messages. */
  get messageBytes(): number {
    return this.textBytes + this.binaryBytes + this.continuationBytes;
  }

  /** Payload bytes of all frames. */
  get bytes(): number {
    return this.messageBytes + this.controlBytes + this.unknownBytes;
  }
}
