/** A TCP connection to a name server, for responses that do not fit into a UDP message (RFC 7766). */
import { connect } from 'node:net';
import { Channel, type ChannelOwner } from './channel.js';
import type { ServerAddress } from './udp-channel.js';

/** Time without progress after which a connection is closed, ms; nginx's `tcp_timeout`. */
const TIMEOUT = 5000;

/** Messages are preceded by their length in two bytes (RFC 1035 4.2.2). */
export class TcpChannel extends Channel {
  private readonly socket;
  /** Beginning of a message; at most 64 KiB and one read. */
  private input: Buffer = Buffer.alloc(0);

  constructor(owner: ChannelOwner, { host, port }: ServerAddress) {
    super(owner);
    this.socket = connect({ host, port, noDelay: true });
    this.socket.setTimeout(TIMEOUT, () => this.fail());
    this.socket.on('error', () => this.fail());
    this.socket.on('end', () => this.fail());
    this.socket.on('data', (bytes) => this.onData(bytes));
    this.socket.unref();
  }

  protected override transmit(packet: Buffer): void {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(packet.length);
    this.socket.write(Buffer.concat([length, packet]));
  }

  protected override destroy(): void {
    this.socket.destroy();
  }

  private onData(bytes: Buffer): void {
    let input = this.input.length === 0 ? bytes : Buffer.concat([this.input, bytes]);
    while (input.length >= 2) {
      const end = 2 + input.readUInt16BE(0);
      if (input.length < end) break;
      this.receive(input.subarray(2, end), true);
      if (this.socket.destroyed) return;
      input = input.subarray(end);
    }
    this.input = input;
  }
}
