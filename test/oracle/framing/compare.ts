/** In what two outcomes differ, and whether one lets through more than the other. */
import type { Message } from './message.js';

/** In the place of an error page: it is of the proxy's making, and lets nothing through. */
export const OWN_PAGE = 'a page of the proxy';

/** Messages that passed through one proxy in one direction. */
export interface Passed {
  /** Whole messages, and those that are none (`fault`). */
  readonly received: readonly Message[];
  /** Messages that were begun and not completed. */
  readonly begun: readonly Message[];
  /** The connection ended without a byte. */
  readonly silent: boolean;
}

/** How the same bytes are written does not matter to what has to be equal; one line for each difference. */
export function differences(
  nginx: Passed & { readonly answers: readonly string[] },
  tsproxy: Passed & { readonly answers: readonly string[] },
): string[] {
  const found: string[] = [];
  const compare = (what: string, theirs: unknown, ours: unknown): void => {
    const [a, b] = [JSON.stringify(theirs), JSON.stringify(ours)];
    if (a !== b) found.push(`${what}: nginx ${a}, tsproxy ${b}`);
  };
  compare('received', nginx.received, tsproxy.received);
  compare('answers', nginx.answers, tsproxy.answers);
  return found;
}

/**
 * Messages that tsproxy let through and nginx did not, whatever way the bytes were written to nginx. Messages that are whole must
 * have passed there in the same order; those that were begun must have been begun there, and have no other content.
 */
export function excess(nginx: Passed, everyNginx: readonly Passed[], tsproxy: Passed): string[] {
  const found: string[] = [];
  let from = 0;
  for (const message of tsproxy.received) {
    if (message.body === OWN_PAGE) continue;
    if (message.fault !== '') found.push(`no message (${message.fault}): ${JSON.stringify(message.start)}`);
    else {
      const at = nginx.received.findIndex((theirs, i) => i >= from && covers(theirs, message));
      if (at < 0) found.push(`only tsproxy passes on ${JSON.stringify(message)}`);
      else from = at + 1;
    }
  }
  const theirs = everyNginx.flatMap(({ received, begun }) => [...received, ...begun]);
  // nginx holds the head back until it has some of the body, and sends neither where it finds that broken first. Here the head
  // may have left: whoever gets it sees that the rest does not come.
  const begun = everyNginx.some(({ silent }) => silent) ? [] : tsproxy.begun;
  for (const message of begun) {
    if (!theirs.some((each) => each.start === message.start && agree(each.body, message.body))) {
      found.push(`only tsproxy begins to pass on ${JSON.stringify(message)}`);
    }
  }
  return found;
}

/** One is the beginning of the other: how much of a body had come when it ended depends on the way it was written. */
function agree(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

function covers(theirs: Message, ours: Message): boolean {
  return (
    theirs.start === ours.start &&
    theirs.body === ours.body &&
    within(ours.fields, theirs.fields) &&
    within(ours.trailers, theirs.trailers)
  );
}

/** Every line is among the others, as often. */
function within(lines: readonly string[], others: readonly string[]): boolean {
  const left = [...others];
  return lines.every((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}
