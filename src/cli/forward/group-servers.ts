/** Servers of the group for one target. */
import type { Line } from '../configuration-text.js';
import type { ServerTarget } from './target.js';

/** Loopback addresses in the order in which `localhost` is resolved: a server for `localhost` listens on the first. */
export type Loopback = readonly [first: string, second: string];

/**
 * Directives `server` for all addresses of a target. None of them is avoided after a failure, so that a server that has been
 * started is used at once.
 */
export function groupServers({ name, address }: ServerTarget, [first, second]: Loopback): Line[] {
  if (name === null || !/(?:^|\.)localhost$/.test(name)) return [['server', address, 'max_fails=0']];
  // Such names lead to this machine (RFC 6761), whatever its hosts file says.
  const port = address.slice(address.lastIndexOf(':') + 1);
  return [
    ['server', `${first}:${port}`, 'max_fails=0'],
    // Tried if nothing listens on the first.
    ['server', `${second}:${port}`, 'max_fails=0', 'backup'],
  ];
}
