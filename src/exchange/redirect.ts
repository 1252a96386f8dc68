/**
 * Makes a `Location` that starts with a slash absolute, according to `absolute_redirect`, `server_name_in_redirect` and
 * `port_in_redirect`.
 */
import { SettingsKey } from '../program/settings-key.js';
import type { EngineExchange } from './engine-exchange.js';

/** `absolute_redirect`, `server_name_in_redirect` and `port_in_redirect`. */
export const REDIRECTS = new SettingsKey('redirects', { absolute: true, serverName: false, port: true });

/** Rewrites the `Location` of the proxy's own response, not of an upstream's. nginx sends it before `Connection`. */
export function absoluteLocation(x: EngineExchange): void {
  const { response } = x;
  const { ownLocation } = response;
  if (ownLocation === null || !ownLocation.startsWith('/') || !x.location.settings.get(REDIRECTS).absolute) return;
  if (response.takeOwnLocation()) response.absoluteLocation = origin(x) + ownLocation;
}

/** The local address of a client that sent no host; for a unix socket, the server's name. */
function ownAddress({ client, server }: EngineExchange): string {
  if (client.unixPath !== null) return server.name;
  return client.localAddress.includes(':') ? `[${client.localAddress}]` : client.localAddress;
}

/** Scheme, host and port under which the client reached the server. */
function origin(x: EngineExchange): string {
  const settings = x.location.settings.get(REDIRECTS);
  const { client } = x;
  const host = settings.serverName ? x.server.name : x.host !== '' ? x.host : ownAddress(x);
  const scheme = client.secure ? 'https' : 'http';
  const usual = client.secure ? 443 : 80;
  const port = settings.port && client.localPort !== usual && client.localPort > 0 ? `:${client.localPort}` : '';
  return `${scheme}://${host}${port}`;
}

/** Whether responses with that status have a `Location`. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}
