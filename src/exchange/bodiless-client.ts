/**
 * Client side of an exchange whose request has no body of its own, or whose body has been read already. It cannot be
 * upgraded, and its interim responses are not sent.
 */
import type { BodySink } from '../program/body.js';

export abstract class BodilessClient {
  readonly draining = false;
  readonly pipelined = false;
  readonly extendedConnect = false;
  readonly bodyWaits = false;
  readonly bodyPreread = 0;

  sendInterim(): void {}
  readBody(sink: BodySink): void {
    sink.bodyEnd();
  }
  resumeBody(): void {}
  sendContinue(): void {}
  discardBody(): number {
    return 0;
  }
  detach(): null {
    return null;
  }
}
