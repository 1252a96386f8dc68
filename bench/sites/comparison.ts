/** Differences between the reactions of nginx and tsproxy to a request of a site. */
import { differences } from '../../test/oracle/compare.js';
import type { Reaction } from '../../test/oracle/oracle.js';

/** Names of the fields of a head, in order. */
function namesOf(head: string): string {
  return head
    .slice(0, head.indexOf('\r\n\r\n'))
    .split('\r\n')
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(':')))
    .join(' ');
}

/** Replaces what depends on the time of the request: dates relative to it, and time stamps. */
function withoutTime(raw: string): string {
  const now = Date.parse(/\r\nDate: ([^\r]*)/.exec(raw)?.[1] ?? '');
  return raw
    .replace(/\r\nExpires: ([^\r]*)/g, (whole, date: string) =>
      Date.parse(date) > now - 60_000 ? `\r\nExpires: in ${Math.round((Date.parse(date) - now) / 1000)} s` : whole,
    )
    .replace(/\bt=\d+\.\d{3}\b/g, 't=TIME');
}

/** One per line; empty if there is none. */
export function compare(nginx: Reaction, tsproxy: Reaction): string[] {
  const timeless = ({ answers, forwarded }: Reaction): Reaction => ({
    answers: answers.map(withoutTime),
    forwarded: forwarded.map(withoutTime),
  });
  const [one, other] = [timeless(nginx), timeless(tsproxy)];
  const found = differences(one, other);
  const orders = (side: Reaction) =>
    [...side.answers, ...side.forwarded].filter((each) => each.includes('\r\n\r\n')).map(namesOf);
  const [a, b] = [orders(one), orders(other)];
  // Differences of the fields themselves are already reported.
  const sorted = (names: string) => names.split(' ').sort().join(' ');
  for (const [i, names] of a.entries()) {
    const own = b[i] ?? '';
    if (names !== own && sorted(names) === sorted(own)) found.push(`order of fields: nginx ${names}, tsproxy ${own}`);
  }
  return found;
}
