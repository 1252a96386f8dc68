/** URLs of a started `tsproxy forward`. */

import { networkAddresses } from '../dev/network-addresses.js';
import type { SiteUrl } from '../dev/site.js';
import { isWildcard } from './listen-address.js';
import type { ForwardPlan } from './plan.js';

/**
 * The local URL, those by host, and those for other machines.
 *
 * @param bound an address on which it listens, with the actual port
 * @param network addresses at which other machines reach this one
 */
export function urlsOf(
  { listen, routes, secure }: ForwardPlan,
  bound: string,
  network: readonly string[] = networkAddresses(),
): readonly SiteUrl[] {
  if (listen.host === null) return [{ url: bound, details: '' }];
  const scheme = secure ? 'https' : 'http';
  const port = bound.slice(bound.lastIndexOf(':') + 1);
  const suffix = port === (secure ? '443' : '80') ? '/' : `:${port}/`;
  const url = (host: string, details = ''): SiteUrl => ({ url: `${scheme}://${host}${suffix}`, details });
  const everywhere = isWildcard(listen);
  const hosts = new Set(routes.flatMap(({ host }) => (host === null || host.startsWith('*') ? [] : [host])));
  return [
    url(everywhere ? 'localhost' : listen.host),
    ...[...hosts].map((host) => url(host)),
    ...(everywhere ? network.map((address) => url(address, 'for other machines')) : []),
  ];
}
