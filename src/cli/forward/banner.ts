/** Lines that a started `tsproxy forward` prints: its URLs and routes. */
import type { BoundAddress } from '../../server/binder.js';
import { isWildcard, networkAddresses } from './listen-address.js';
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
  const everywhere = isWildcard(listen);
  const hosts = new Set(routes.flatMap(({ host }) => (host === null || host.startsWith('*') ? [] : [host])));
  return [
    ['Local', url(everywhere ? 'localhost' : listen.host)],
    ...[...hosts].map((host) => ['Host', url(host)] as const),
    ...(everywhere ? network.map((address) => ['Network', url(address)] as const) : []),
  ];
}

function targetText({ target }: Route): string {
  if (target.kind === 'directory') return target.path;
  const { scheme, address, path } = target;
  return `${scheme}://${address}${path ?? ''}`;
}
