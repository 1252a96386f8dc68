/** An operation on zones. It runs atomically in their backend; questions and answers are plain data. */
import type { ZoneOwner } from './owner.js';

export interface Operation<Q, A> {
  /** Name in messages between processes. */
  readonly name: string;
  /** Answer to use if the backend does not respond. */
  readonly fallback: A;
  run(owner: ZoneOwner, question: Q): A;
}
