/** Makes a `Location` that starts with a slash absolute, as `absolute_redirect`, `server_name_in_redirect` and `port_in_redirect` say. */
import type { Exchange } from './exchange.js';

/** Rewrites the answer's own `Location`; one that came from an upstream is left alone. nginx puts it in front of `Connection`. */
export function absoluteLocation(x: Exchange): void {
  const { added } = x.response;
  for (let i = 0; i < added.length; i += 2) {
    if (added[i] === 'Location') {
      const value = added[i + 1] as string;
      if (value.startsWith('/') && x.location.settings.absoluteRedirect) {
        added.splice(i, 2);
        x.response.absoluteLocation = origin(x) + value;
      }
      return;
    }
  }
}

/** The address at which a client arrived that named no host; a unix socket has only the server's name. */
function ownAddress({ client, server }: Exchange): string {
  if (client.unixPath !== null) return server.name;
  return client.localAddress.includes(':') ? `[${client.localAddress}]` : client.localAddress;
}

/** Scheme, host and port under which the client reached the server. */
function origin(x: Exchange): string {
  const { settings } = x.location;
  const { client } = x;
  const host = settings.serverNameInRedirect ? x.server.name : x.host !== '' ? x.host : ownAddress(x);
  const scheme = client.secure ? 'https' : 'http';
  const usual = client.secure ? 443 : 80;
  const port =
    settings.portInRedirect && client.localPort !== usual && client.localPort > 0 ? `:${client.localPort}` : '';
  return `${scheme}://${host}${port}`;
}
