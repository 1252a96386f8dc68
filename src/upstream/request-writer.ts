/** Writes an upstream request to a connection and supervises its timeouts. */
import { now } from '../net/deadlines.js';
import type { UpstreamConnection } from './connection.js';
import type { UpstreamSettings } from './forwarding-rules.js';
import { PeerSelection } from './peer-selection.js';
import type { RequestSender, SendingRequest } from './request-sender.js';

/** A base class, so that a request stays one object. */
export abstract class RequestWriter extends PeerSelection implements SendingRequest {
  protected connection: UpstreamConnection | null = null;
  /** Whether part of the request was written. */
  protected requestSent = false;
  /** Whether the whole request was written. */
  protected requestComplete = false;
  /** Whether reading the response is paused for a slow client. */
  protected paused = false;
  /** Sends the body; null if there is none. */
  protected sender: RequestSender | null = null;

  protected get settings(): UpstreamSettings {
    return this.protocol.settings;
  }

  /** Whether the upstream is no longer needed. */
  protected abstract get over(): boolean;

  abstract bodyFailed(status: number): void;

  /** Sends the request, or its available part. */
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

  /** Extends the send timeout and returns true if the peer has read some data since it was set. */
  protected extendSendTimeout(connection: UpstreamConnection): boolean {
    const { transport } = connection;
    if (transport.pending === 0 || !transport.madeProgress()) return false;
    connection.deadline = now() + this.settings.sendTimeout;
    return true;
  }

  sent(): void {
    this.requestComplete = true;
    if (this.connection !== null) this.await(this.connection);
  }

  /** Sets the deadline of the awaited event: the peer reads, or sends. */
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

  /**
   * Starts the read timeout if the whole request was sent and reading is not paused. Before that, the client's timeouts
   * apply.
   */
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

  /** Closes the connection in any state. */
  protected dropConnection(): void {
    const { connection } = this;
    this.connection = null;
    connection?.destroy();
  }
}
