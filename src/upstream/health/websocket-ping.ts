/** Ping over a WebSocket that a health check has opened: it passes if the Pong has the same payload. */
import { randomBytes } from 'node:crypto';
import type { Transport, TransportOwner } from '../../net/transport.js';
import { NORMAL_CLOSURE } from '../../websocket/close-codes.js';
import { closeFrame, pingFrame } from '../../websocket/control-frames.js';
import { FrameReader } from '../../websocket/frame-reader.js';
import { randomMask } from '../../websocket/mask-source.js';
import { CLOSE, PONG } from '../../websocket/opcodes.js';

/** Bytes of the payload. */
const PAYLOAD = 8;
/** Maximum wait for the server's Close frame, ms. */
const CLOSE_TIMEOUT = 1000;

/** The check that has opened the WebSocket. */
export interface PingUser {
  /** Called when the Pong has arrived (null), or with the reason why it will not; at most once. */
  pinged(error: string | null): void;
}

export class WebSocketPing implements TransportOwner {
  private readonly reader = new FrameReader({ sender: 'server', reserved: 0 });
  private readonly payload = randomBytes(PAYLOAD);
  /** Payload of the current Pong. */
  private received: number[] = [];
  private isOver = false;

  constructor(
    private readonly transport: Transport,
    private readonly user: PingUser,
  ) {}

  /** Takes over the connection after its handshake; `early`: bytes that followed it. */
  start(early: Buffer): void {
    const { transport } = this;
    transport.owner = this;
    transport.write(pingFrame(this.payload, randomMask()));
    if (early.length > 0) this.onBytes(transport, early, early.length);
    transport.resume();
  }

  /** Ends without a result. */
  destroy(): void {
    this.isOver = true;
    this.transport.destroy();
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    const { reader } = this;
    for (let at = 0; at < length && !this.transport.closing; ) {
      const start = at;
      const inPayload = reader.inPayload;
      at = reader.next(bytes, at, length);
      if (inPayload && reader.opcode === PONG) this.received.push(...bytes.subarray(start, at));
      if (reader.violation !== 0) this.end('server sent an invalid frame');
      else if (reader.betweenFrames) this.frameEnded();
    }
  }

  private frameEnded(): void {
    const { reader } = this;
    if (reader.opcode === PONG && this.payload.equals(Buffer.from(this.received))) this.succeeded();
    else if (reader.opcode === CLOSE) this.end(`server closed the WebSocket with code ${reader.closeCode}`);
    this.received = [];
  }

  /** Closes the WebSocket; the server's Close frame ends the connection. */
  private succeeded(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.transport.write(closeFrame(NORMAL_CLOSURE, randomMask()));
    setTimeout(() => this.transport.destroy(), CLOSE_TIMEOUT).unref();
    this.user.pinged(null);
  }

  private end(error: string): void {
    const { isOver } = this;
    this.isOver = true;
    this.transport.destroySoon();
    if (!isOver) this.user.pinged(error);
  }

  onEnd(): void {
    this.end('server closed the connection without a Pong');
  }

  onClosed(): void {
    this.end('server closed the connection without a Pong');
  }

  onDrain(): void {}
  onConnected(): void {}
}
