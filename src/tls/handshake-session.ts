/** Session of a handshake: the values of variables before there is a request. */
import type { Captures } from '../config/pcre/expression.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { Incoming } from '../net/accept-step.js';
import type { ServerProgram } from '../program/program.js';
import type { Client, Session } from '../program/session.js';

export class HandshakeSession implements Session {
  readonly client: Client;
  readonly startTime = Date.now();
  remoteAddress: string;
  remotePort = 0;
  readonly slots: (string | undefined)[] = [];
  captures: Captures | null = null;
  /** The server that was selected by name; null: not selected yet. */
  server: ServerProgram | null = null;

  constructor(
    incoming: Incoming,
    readonly errorLog: ErrorLog,
  ) {
    const { accepted, remoteAddress, localAddress } = incoming;
    this.remoteAddress = remoteAddress;
    this.client = {
      id: accepted.id,
      remoteAddress,
      remotePort: 0,
      localAddress,
      localPort: 0,
      unixPath: null,
      accepted,
      secure: true,
      since: accepted.since,
      bytesSent: 0,
    };
  }

  logContext(): string {
    return `, client: ${this.remoteAddress}`;
  }
}
