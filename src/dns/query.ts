/** A question on its way to name servers. */

import type { Answer, QuestionType } from './message.js';
import { randomBelow } from './random.js';

/** Receives the result of a query. */
export interface QueryOwner {
  /** A response; `code` is 0 or that of an error, `answer` null for an error or without records. */
  onResponse(query: Query, code: number, answer: Answer | null): void;
  /** A response was truncated, and its query has been repeated over TCP. */
  onTruncated(): void;
  /** A socket over which queries were sent has failed. */
  onLost(): void;
}

/** A socket over which a query has been sent. */
export interface QueryCarrier {
  /** Stops expecting the response to a query. */
  forget(query: Query): void;
}

/** One question with its random id, which stays the same when the query is sent again, as in nginx. */
export class Query {
  readonly id = randomBelow(0x1_0000);
  /** Whether it is sent over TCP. */
  tcp = false;
  ended = false;
  /** Sockets on which a response may still arrive. */
  readonly carriers = new Set<QueryCarrier>();

  constructor(
    readonly owner: QueryOwner,
    readonly name: string,
    readonly type: QuestionType,
    readonly packet: Buffer,
  ) {
    packet.writeUInt16BE(this.id, 0);
  }

  /** No response is expected any more. */
  end(): void {
    this.ended = true;
    for (const carrier of this.carriers) carrier.forget(this);
    this.carriers.clear();
  }
}
