/** Tickets: numbers under which a user of zones holds counts for the duration of a request. */
import type { Operation } from './operation.js';

let last = 0;

/** A ticket number that is unique in this process. */
export function newTicket(): number {
  return ++last;
}

/** Gives back everything that a ticket holds, whether its request was refused, accepted or never received. */
export const giveBack: Operation<number, null> = {
  name: 'give back',
  fallback: null,
  run(owner, ticket) {
    owner.giveBack(ticket);
    return null;
  },
};
