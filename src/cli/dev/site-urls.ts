/** URLs of the servers of a configuration on this machine. */
import { urlName } from './local-names.js';
import { networkAddresses } from './network-addresses.js';
import type { Plan } from './plan.js';
import { placeText } from './request-lines.js';
import type { SiteUrl } from './site.js';
import type { Survey, SurveyedServer } from './survey.js';

/** Maximum number of names of a server that are listed. */
const MAX_NAMES = 3;

export function siteUrls({ servers }: Survey, plan: Plan): SiteUrl[] {
  const found = new Map<string, SiteUrl>();
  for (const server of servers) {
    for (const { address, secure } of server.listens) {
      if (address.family === 'unix' || address.lastPort !== address.port) continue;
      const scheme = secure ? 'https' : 'http';
      for (const host of hostsOf(server, plan.options.hosts.ipv4)) {
        const url = `${scheme}://${host}:${plan.port(address)}/`;
        if (!found.has(url)) found.set(url, { url, details: placeText(server.place) });
      }
    }
  }
  return [...found.values()];
}

/** Names of a server for URLs; without any, the addresses on which it listens. */
function hostsOf({ names }: SurveyedServer, bound: string): string[] {
  const local = names.flatMap((name) => urlName(name.toLowerCase()) ?? []);
  if (local.length > 0) return local.slice(0, MAX_NAMES);
  if (bound === '127.0.0.1') return ['localhost'];
  return bound === '0.0.0.0' ? ['localhost', ...networkAddresses()] : [bound];
}
