/** A name server: distributes queries over its sockets. */

import type { Channel, ChannelOwner } from './channel.js';
import type { Query } from './query.js';
import { randomBelow } from './random.js';
import { TcpChannel } from './tcp-channel.js';
import { type ServerAddress, UdpChannel } from './udp-channel.js';

/** UDP sockets, each with a random port, beyond which concurrent queries share them. */
const MAX_UDP = 32;
/**
 * Queries sent in one turn of the event loop; the rest follows in the next ones. A burst would overflow the receive
 * buffer of the server, or that of a socket here with the responses.
 */
const MAX_BURST = 64;

export class NameServer implements ChannelOwner {
  private readonly udp = new Set<Channel>();
  private tcp: Channel | null = null;
  private queue: (readonly Query[])[] = [];
  /** Whether queries have been sent in this turn of the event loop. */
  private busy = false;

  /** `note` receives log lines of level `error`. */
  constructor(
    private readonly address: ServerAddress,
    readonly note: (text: string) => void,
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
    setImmediate(() => this.sendBurst());
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
