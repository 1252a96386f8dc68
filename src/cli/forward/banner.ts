/** Lines that a started `tsproxy forward` prints: its URLs and routes. */
import { networkInterfaces } from 'node:os';
import type { BoundAddress } from '../../server/binder.js';
import type { ForwardPlan, Route } from './plan.js';

/** The lines, for a plan that listens on these addresses. */
export function banner(plan: ForwardPlan, bound: readonly BoundAddress[]): string {
  const urls = urlsOf(plan, bound[0]?.address ?? '', networkAddresses());
  const list = plan.routes.map((route) => [`${route.host ?? ''}${route.prefix}`, targetText(route)] as const);
  const width = Math.max(...list.map(([from]) => from.length));
  return `${[
    '',
    ...urls.map(([label, url]) => `  ${label.padEnd(8)} ${url}`),
    '',
    ...list.map(([from, to]) => `  ${from.padEnd(width)} -> ${to}`),
    '',
    '  Ctrl-C ends it.',
    '',
  ].join('\n')}\n`;
}

/** URLs with their labels: the local one, those by host, and those for other machines. */
export function urlsOf(
  { listen, routes, secure }: ForwardPlan,
  bound: string,
  network: readonly string[],
): readonly (readonly [label: string, url: string])[] {
  if (listen.host === null) return [['Socket', bound]];
  const scheme = secure ? 'https' : 'http';
  const port = bound.slice(bound.lastIndexOf(':') + 1);
  const suffix = port === (secure ? '443' : '80') ? '/' : `:${port}/`;
  const url = (host: string): string => `${scheme}://${host}${suffix}`;
  const isWildcard = ['*', '0.0.0.0', '[::]'].includes(listen.host);
  const hosts = new Set(routes.flatMap(({ host }) => (host === null || host.startsWith('*') ? [] : [host])));
  return [
    ['Local', url(isWildcard ? 'localhost' : listen.host)],
    ...[...hosts].map((host) => ['Host', url(host)] as const),
    ...(isWildcard ? network.map((address) => ['Network', url(address)] as const) : []),
  ];
}

/** IPv4 addresses at which other machines reach this one. */
function networkAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);
}

function targetText({ target }: Route): string {
  if (target.kind === 'directory') return target.path;
  const { scheme, address, path } = target;
  return `${scheme}://${address}${path ?? ''}`;
}
