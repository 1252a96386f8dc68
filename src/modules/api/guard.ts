/**
 * Protection of the API against requests that a browser makes on behalf of other sites: from a page of another origin, or
 * by a host name that an attacker resolves to an address of this machine (DNS rebinding).
 */
import { canonicalIp } from '../../config/address.js';
import type { Exchange } from '../../program/exchange.js';
import { ApiError } from './result.js';

/** Refuses a request that another site may have caused. Throws ApiError. */
export function refuseCrossSite(x: Exchange): void {
  refuseUnknownHost(x);
  const site = x.headers.get('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new ApiError(403, 'OriginRefused', 'cross-site requests are refused (Sec-Fetch-Site)');
  }
  const origin = x.headers.get('origin');
  if (origin !== undefined && !isOwnOrigin(origin, x)) {
    throw new ApiError(403, 'OriginRefused', 'cross-origin requests are refused (Origin)');
  }
}

/** Refuses bodies of a type that a form can send: for other types, browsers send a preflight request (CORS) first. */
export function refuseFormTypes(x: Exchange): void {
  const type = x.headers.get('content-type');
  if (type === undefined && x.contentLength === 0 && x.method === 'DELETE') return;
  if (/^application\/json[ \t]*(?:;.*)?$/i.test(type ?? '')) return;
  throw new ApiError(415, 'ContentTypeRequired', 'the request needs the field "Content-Type: application/json"');
}

function isOwnOrigin(origin: string, { client, headers }: Exchange): boolean {
  const scheme = client.secure ? 'https' : 'http';
  const port = client.secure ? ':443' : ':80';
  const own = (headers.get('host') ?? '').toLowerCase();
  const host = own.endsWith(port) ? own.slice(0, -port.length) : own;
  return host !== '' && origin.toLowerCase() === `${scheme}://${host}`;
}

/** On loopback addresses, refuses host names other than `localhost` and the first one of the server. */
function refuseUnknownHost({ client, host, server }: Exchange): void {
  if (!isLoopback(client.localAddress) || host === '' || host === server.name) return;
  if (isLoopback(host.replace(/^\[(.*)\]$/, '$1')) || /(?:^|\.)localhost\.?$/.test(host)) return;
  throw new ApiError(
    421,
    'HostRefused',
    'this address accepts the hosts "localhost", addresses of this machine, and the first server_name',
  );
}

function isLoopback(address: string): boolean {
  const ip = canonicalIp(address);
  return ip !== null && (ip.startsWith('127.') || ip === '::1');
}
