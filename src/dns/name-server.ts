/** A name server: distributes queries over its sockets. */

import type { Channel, ChannelOwner } from './channel.js';
import type { Query } from './query.js';
import { randomBelow } from './random.js';
import type { ResolverReport } from './statistics.js';
import { TcpChannel } from './tcp-channel.js';
import { type ServerAddress, UdpChannel } from './udp-channel.js';

/** UDP sockets, each with a random port, beyond which concurrent queries share them. */
const MAX_UDP = 32;
/**
 * Names asked for at a time, and the pause until the next ones, ms. A larger burst would overflow the receive buffer of
 * a name server, by default 200 KiB, so that names would wait for the next resend.
 */
const MAX_BURST = 4;
const PAUSE = 1;

export class NameServer implements ChannelOwner {
  private readonly udp = new Set<Channel>();
  private tcp: Channel | null = null;
  private queue: (readonly Query[])[] = [];
  /** Whether queries have been sent within the pause. */
  private busy = false;

  constructor(
    private readonly address: ServerAddress,
    readonly report: ResolverReport,
  ) {}

  /** Sends the queries for one name in this order; over UDP, from one socket, so that responses keep their order. */
  send(queries: readonly Query[]): void {
    this.queue.push(queries);
    if (!this.busy) this.sendBurst();
  }

  sendAgain(query: Query): void {
    this.transmit([query]);
  }

  closed(channel: Channel): void {
    this.udp.delete(channel);
    if (this.tcp === channel) this.tcp = null;
  }

  private sendBurst(): void {
    this.busy = this.queue.length > 0;
    if (!this.busy) return;
    setTimeout(() => this.sendBurst(), PAUSE);
    for (const queries of this.queue.splice(0, MAX_BURST)) this.transmit(queries);
  }

  private transmit(queries: readonly Query[]): void {
    let udp: Channel | null = null;
    for (const query of queries) {
      if (query.ended) continue;
      if (query.tcp) {
        this.tcp ??= new TcpChannel(this, this.address);
        this.tcp.send(query);
      } else {
        udp ??= this.udpChannel();
        udp.send(query);
      }
    }
  }

  private udpChannel(): Channel {
    const shared = this.udp.size < MAX_UDP ? undefined : [...this.udp][randomBelow(this.udp.size)];
    if (shared !== undefined) return shared;
    const channel = new UdpChannel(this, this.address);
    this.udp.add(channel);
    return channel;
  }
}
