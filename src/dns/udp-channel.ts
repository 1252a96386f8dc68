/** A UDP socket connected to a name server: the kernel discards messages of other addresses. */
import type { RemoteInfo } from 'node:dgram';
import { canonicalIp } from '../config/address.js';
import { Channel, type ChannelOwner } from './channel.js';

/** IP address in canonical form, and port. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Has a random local port, like each of its queries a random id (RFC 5452 9.2). */
export class UdpChannel extends Channel {
  private readonly socket;
  private connected = false;
  private destroyed = false;
  /** Packets to be sent when the socket is connected. */
  private waiting: Buffer[] = [];

  constructor(
    owner: ChannelOwner,
    private readonly address: ServerAddress,
  ) {
    super(owner);
    // Loaded on demand: most configurations need no resolver.
    this.socket = process.getBuiltinModule('node:dgram').createSocket(address.host.includes(':') ? 'udp6' : 'udp4');
    this.socket.on('error', () => this.fail());
    this.socket.on('connect', () => this.flush());
    this.socket.on('message', (message, from) => this.onMessage(message, from));
    this.socket.connect(address.port, address.host);
    this.socket.unref();
  }

  protected override transmit(packet: Buffer): void {
    if (this.connected) this.socket.send(packet);
    else this.waiting.push(packet);
  }

  protected override destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.socket.close();
  }

  private flush(): void {
    if (this.destroyed) return;
    this.connected = true;
    const { waiting } = this;
    this.waiting = [];
    for (const packet of waiting) this.socket.send(packet);
  }

  private onMessage(message: Buffer, from: RemoteInfo): void {
    // Messages of others may have arrived between binding and connecting.
    const [host = ''] = from.address.split('%', 1);
    if (from.port === this.address.port && canonicalIp(host) === this.address.host) this.receive(message, false);
  }
}
