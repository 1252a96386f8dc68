/** What can be asked of zones. An operation runs in their home, as a whole; its questions and answers are plain data. */
import type { ZoneOwner } from './owner.js';

export interface Operation<Q, A> {
  /** How messages between processes call it. */
  readonly name: string;
  /** The answer that holds where the home gives none. */
  readonly fallback: A;
  run(owner: ZoneOwner, question: Q): A;
}
