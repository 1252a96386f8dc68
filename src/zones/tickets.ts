/** Tickets: numbers under which a user of zones holds what is counted while it lasts. */
import type { Operation } from './operation.js';

let last = 0;

/** A number that no other ticket of this process has. */
export function newTicket(): number {
  return ++last;
}

/** Gives back what a ticket holds, whether it was refused, taken or never heard of. */
export const giveBack: Operation<number, null> = {
  name: 'give back',
  fallback: null,
  run(owner, ticket) {
    owner.giveBack(ticket);
    return null;
  },
};
