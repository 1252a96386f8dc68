/** The part of a request to an upstream that puts it on a connection, and waits for the peer to take it. */
import { now } from '../http/deadlines.js';
import type { UpstreamConnection } from './connection.js';
import type { UpstreamSettings } from './forwarding-rules.js';
import { PeerSelection } from './peer-selection.js';
import type { RequestSender, SendingRequest } from './request-sender.js';

/** A base class, so that a request stays one object. */
export abstract class RequestWriter extends PeerSelection implements SendingRequest {
  protected connection: UpstreamConnection | null = null;
  /** Some of the request was given to the peer. */
  protected requestSent = false;
  /** All of it was. */
  protected requestComplete = false;
  /** The answer waits for a slow client. */
  protected paused = false;
  /** Sends the body; null where there is none. */
  protected sender: RequestSender | null = null;

  protected get settings(): UpstreamSettings {
    return this.protocol.settings;
  }

  /** Nothing more is wanted of the upstream. */
  protected abstract get over(): boolean;

  abstract bodyFailed(status: number): void;

  /** Sends the request, or as much of it as is there. */
  protected send(connection: UpstreamConnection): void {
    const { x, protocol, attempt, sender } = this;
    const { transport } = connection;
    attempt.connectTime = connection.requests > 0 ? 0 : this.elapsed();
    this.requestSent = true;
    connection.requests++;
    const before = transport.bytesWritten;
    if (sender === null) {
      transport.writeText(protocol.requestHead(x, 0, false));
      this.requestComplete = true;
      this.await(connection);
    } else {
      sender.send(transport, protocol.requestHead(x, sender.length, sender.chunked));
      if (!this.requestComplete) this.await(connection);
    }
    attempt.bytesSent = transport.bytesWritten - before;
  }

  progressed(bytes: number, more: boolean): void {
    const { connection } = this;
    this.attempt.bytesSent += bytes;
    if (!more && connection !== null) this.waitToSend(connection);
  }

  private waitToSend(connection: UpstreamConnection): void {
    connection.transport.madeProgress();
    connection.deadline = now() + this.settings.sendTimeout;
  }

  /** Goes on waiting where the peer has taken some of what it is sent, if not all of it; false where it has not. */
  protected waitOn(connection: UpstreamConnection): boolean {
    const { transport } = connection;
    if (transport.pending === 0 || !transport.madeProgress()) return false;
    connection.deadline = now() + this.settings.sendTimeout;
    return true;
  }

  sent(): void {
    this.requestComplete = true;
    if (this.connection !== null) this.await(this.connection);
  }

  /** Sets the deadline for what is waited for: the peer takes bytes, or it sends some. */
  private await(connection: UpstreamConnection): void {
    if (this.over || connection.transport.closed) return;
    if (connection.transport.pending === 0) {
      this.waitToRead(connection);
      return;
    }
    this.waitToSend(connection);
    connection.transport.whenFlushed(() => {
      if (this.connection === connection && !this.over) this.waitToRead(connection);
    });
  }

  /** The peer is to speak: once it has the whole request, and while it is listened to. Before, the client's time runs. */
  protected waitToRead(connection: UpstreamConnection): void {
    connection.deadline = this.requestComplete && !this.paused ? now() + this.settings.readTimeout : 0;
  }

  onDrain(): void {
    const { connection, sender } = this;
    if (connection === null || this.requestComplete || sender === null) return;
    connection.deadline = 0;
    sender.drained();
    if (!this.requestComplete) this.await(connection);
  }

  /** Closes the connection, whatever state it is in. */
  protected dropConnection(): void {
    const { connection } = this;
    this.connection = null;
    connection?.destroy();
  }
}
