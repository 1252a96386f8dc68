/** Cache of idle keepalive connections of an upstream. */
import { now } from '../net/deadlines.js';
import type { UpstreamConnection } from './connection.js';
import type { KeepaliveSettings } from './keepalive-settings.js';
import type { Peer } from './peer.js';

/** Idle connections of an upstream, most recently used last. nginx: upstream_keepalive. */
export class IdleConnections {
  private readonly idle: UpstreamConnection[] = [];
  private closed = false;

  get count(): number {
    return this.idle.length;
  }

  /**
   * Takes an open idle connection to the peer, or returns null. `isFinal`: a failure would be final (a POST is not
   * repeated), and the kernel is asked whether the peer has closed it, which is known there before the event loop
   * reports it.
   */
  take(peer: Peer, origin: object | null, identity: string, isFinal: boolean): UpstreamConnection | null {
    const { idle } = this;
    for (let i = idle.length - 1; i >= 0; i--) {
      const connection = idle[i] as UpstreamConnection;
      if (connection.peer !== peer || (origin !== null && connection.origin !== origin)) continue;
      if (connection.options.identity !== identity) continue;
      if (i === idle.length - 1) idle.pop();
      else idle.splice(i, 1);
      connection.cache = null;
      connection.deadline = 0;
      if (!(isFinal ? connection.transport.peerLeft() : connection.transport.closing)) return connection;
      connection.destroy();
    }
    return null;
  }

  /** Caches a connection whose response is complete; returns false if it must be closed instead. */
  put(connection: UpstreamConnection, settings: KeepaliveSettings): boolean {
    if (this.closed || settings.max === 0 || connection.requests >= settings.requests || !connection.transport.writable)
      return false;
    if (now() - connection.since > settings.time) return false;
    if (this.idle.length >= settings.max) this.idle[0]?.destroy();
    connection.user = null;
    connection.cache = this;
    connection.deadline = settings.timeout === 0 ? 0 : now() + settings.timeout;
    this.idle.push(connection);
    connection.transport.resume();
    return true;
  }

  remove(connection: UpstreamConnection): void {
    const i = this.idle.indexOf(connection);
    if (i >= 0) this.idle.splice(i, 1);
    connection.cache = null;
  }

  /** Closes all connections and caches no more: a response may complete after the last exchange of its table. */
  close(): void {
    this.closed = true;
    while (this.idle.length > 0) this.idle[0]?.destroy();
  }
}
