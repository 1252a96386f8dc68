/**
 * Zones: state by key that is counted or stored for all requests, across processes. Each declared zone is kept in one
 * backend, the only place where it changes: this process, or the master of several workers.
 */
import type { ZoneDeclaration } from '../config/zone-declaration.js';
import type { Operation } from './operation.js';

/** Error: the process that keeps a zone does not answer. */
export class ZoneUnavailable extends Error {}

/** A user's handle of a zone. */
export interface Zone {
  readonly declaration: ZoneDeclaration;
  /** Identifies the zone in questions to its backend. */
  readonly id: number;
  /** The contents are dropped when the last user has closed the zone. */
  close(): void;
}

/**
 * Place where zones are kept. An operation reads and changes zones atomically, whichever process requests it, so that its
 * answer is exact.
 */
export interface ZoneBackend {
  /** Zones are kept in another process and shared by several workers. */
  readonly shared: boolean;
  /** `listener` receives changes in the zone. */
  open(declaration: ZoneDeclaration, listener?: (news: unknown) => void): Zone;
  /** Returns the answer: immediately if zones are kept in this process, otherwise as a promise, which never rejects. */
  ask<Q, A>(operation: Operation<Q, A>, question: Q): A | Promise<A>;
  /**
   * Returns the answer of a question about one zone immediately: this thread waits if the zone is kept in another process.
   * Throws ZoneUnavailable if that does not answer.
   */
  askNow<Q, A>(zone: Zone, operation: Operation<Q, A>, question: Q): A;
  /** `ask` without an answer. Operations are carried out in the order of the calls, after earlier questions. */
  tell<Q, A>(operation: Operation<Q, A>, question: Q): void;
  /** Sends pending questions and commands now, not at the end of the turn: they take effect even if this process is killed. */
  flush(): void;
}
