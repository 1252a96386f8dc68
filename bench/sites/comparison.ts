/** Differences between the reactions of nginx and tsproxy to a request of a site. */
import { differences } from '../../test/oracle/compare.js';
import type { Reaction } from '../../test/oracle/oracle.js';

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
  return differences(timeless(nginx), timeless(tsproxy));
}
