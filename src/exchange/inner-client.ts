/**
 * Client sides of exchanges that the proxy creates for another exchange: properties of the client are those of its
 * connection, and nothing is sent to it.
 */
import type { Chunk } from '../program/body.js';
import type { AcceptResults } from '../program/session.js';
import { BodilessClient } from './bodiless-client.js';
import type { ClientSide } from './client-side.js';
import type { ConnectionCounts } from './connection-counts.js';
import type { EngineExchange } from './engine-exchange.js';

export abstract class InnerClient extends BodilessClient implements ClientSide {
  /** The exchange for which this one was created; it has read the body that arrived with the client's request. */
  protected abstract readonly origin: EngineExchange;
  abstract readonly closed: boolean;
  abstract readonly bytesSent: number;
  abstract readonly bodyBytesSent: number;
  abstract write(chunk: Chunk): boolean;
  abstract end(completed: boolean): void;
  abstract released(): void;

  get counts(): ConnectionCounts {
    return this.origin.client.counts;
  }
  get id(): number {
    return this.origin.client.id;
  }
  get requests(): number {
    return this.origin.client.requests;
  }
  get remoteAddress(): string {
    return this.origin.remoteAddress;
  }
  get remotePort(): number {
    return this.origin.remotePort;
  }
  get localAddress(): string {
    return this.origin.client.localAddress;
  }
  get localPort(): number {
    return this.origin.client.localPort;
  }
  get unixPath(): string | null {
    return this.origin.client.unixPath;
  }
  get accepted(): AcceptResults | null {
    return this.origin.client.accepted;
  }
  get secure(): boolean {
    return this.origin.client.secure;
  }
  get since(): number {
    return this.origin.client.since;
  }
  get requestLength(): number {
    return this.origin.client.requestLength;
  }

  sendHead(): void {}
  cork(): void {
    this.origin.client.cork();
  }
  uncork(): void {
    this.origin.client.uncork();
  }
}
