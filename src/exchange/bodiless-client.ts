/**
 * Client side of an exchange whose request has no body of its own, or whose body has been read already. It cannot be
 * upgraded, and its interim responses are not sent.
 */
import type { BodySink } from '../program/body.js';

export abstract class BodilessClient {
  get draining(): boolean {
    return false;
  }
  get pipelined(): boolean {
    return false;
  }
  get extendedConnect(): boolean {
    return false;
  }
  get bodyWaits(): boolean {
    return false;
  }
  get bodyPreread(): number {
    return 0;
  }

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
