/**
 * Zones: state by key that is counted or remembered for all requests, however many processes serve them. What is declared
 * as a zone has one home, which is the only place where it changes: this process, or the master of several workers.
 */
import type { ZoneDeclaration } from '../config/zone-declaration.js';
import type { Operation } from './operation.js';

/**
 * Two declarations of the same identity are one zone, in another generation or another process: what it keeps lives on. A
 * zone of another size is another zone, as in nginx.
 */
export function zoneIdentity({ kind, name, size, key }: ZoneDeclaration): string {
  return JSON.stringify([kind, name, size, key]);
}

/** A zone as its user holds it. */
export interface Zone {
  readonly declaration: ZoneDeclaration;
  /** Names the zone in questions to its home. */
  readonly id: number;
  /** What it keeps goes when nobody holds it any more. */
  close(): void;
}

/**
 * Where zones live. An operation looks at a zone and changes it as a whole: nothing comes between, whoever else asks, so
 * that what it says is exact.
 */
export interface ZoneBackend {
  /** Zones live in another process: several workers share them. */
  readonly shared: boolean;
  /** `listener` is told what other processes do in the zone. */
  open(declaration: ZoneDeclaration, listener?: (news: unknown) => void): Zone;
  /** The answer; at once where the zones live in this process, and a promise (which never rejects) elsewhere. */
  ask<Q, A>(operation: Operation<Q, A>, question: Q): A | Promise<A>;
  /** The same where nobody wants the answer. What is told after a question is done after it. */
  tell<Q, A>(operation: Operation<Q, A>, question: Q): void;
}
