/** The stream of an upstream that has become a tunnel: sends and receives its bytes. */
import type { Transport } from '../net/transport.js';
import { ErrorCode } from './error-codes.js';
import type { ReceiveWindow } from './flow-window.js';
import type { RequestOutput } from './request-output.js';
import type { StreamTransport } from './stream-transport.js';
import { type TunnelHost, tunnelOver } from './stream-tunnel.js';

/** The stream as seen by this module. */
export interface TunnelledStream {
  readonly output: RequestOutput;
  /** Transport of the connection. */
  readonly connectionTransport: Transport;
  readonly receiveWindow: ReceiveWindow;
  /** Sends a WINDOW_UPDATE. */
  openWindow(increment: number): void;
  /** Sends RST_STREAM. */
  reset(code: number): void;
  /** The stream is over. */
  finish(): void;
}

const EMPTY = Buffer.alloc(0);

export class UpstreamTunnel implements TunnelHost {
  readonly transport: StreamTransport;
  private sentBefore = 0;

  /** `ended`: the peer has sent END_STREAM with its response. */
  constructor(
    private readonly stream: TunnelledStream,
    private ended: boolean,
  ) {
    const transport = tunnelOver(this, ended);
    this.transport = transport;
    if (ended) setImmediate(() => transport.onEnd());
  }

  /** DATA has arrived. Returns 0, or the code of the error that ends the stream. */
  receive(bytes: Buffer, start: number, end: number, counted: number, ended: boolean): number {
    const { transport, receiveWindow } = this;
    if (this.ended) return ErrorCode.StreamClosed;
    if (!receiveWindow.receive(counted)) return ErrorCode.FlowControlError;
    this.ended = ended;
    // Padding takes no memory.
    if (counted > end - start) this.openWindow(receiveWindow.consume(counted - (end - start)));
    if (start < end) transport.onData(bytes, start, end);
    if (ended) transport.onEnd();
    return 0;
  }

  get connectionTransport(): Transport {
    return this.stream.connectionTransport;
  }
  get receiveWindow(): ReceiveWindow {
    return this.stream.receiveWindow;
  }
  get queued(): number {
    return this.stream.output.queued;
  }

  sendData(bytes: Buffer, start: number, end: number): boolean {
    return this.stream.output.send(bytes, start, end, false, true);
  }

  sendProgress(): boolean {
    const before = this.sentBefore;
    this.sentBefore = this.stream.output.bytesSent;
    return this.sentBefore > before;
  }

  sendEnd(): void {
    const { output } = this.stream;
    output.send(EMPTY, 0, 0, true, false);
    if (output.queued > 0) output.whenSent(() => this.transport.onEndSent());
  }

  openWindow(increment: number): void {
    if (increment > 0 && !this.ended) this.stream.openWindow(increment);
  }

  resetTunnel(code: number): void {
    this.stream.reset(code);
    this.stream.finish();
  }

  tunnelClosed(): void {
    this.stream.finish();
  }
}
