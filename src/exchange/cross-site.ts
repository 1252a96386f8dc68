/**
 * Protection of pages of the proxy itself against requests that a browser makes on behalf of other sites: from a page of
 * another origin, or by a host name that an attacker resolves to an address of this machine (DNS rebinding).
 */
import { canonicalIp } from '../config/address.js';
import type { Exchange } from '../program/exchange.js';

/** Refusal of a request: status, code, and message for the client. */
export interface CrossSiteRefusal {
  readonly status: 403 | 415 | 421;
  readonly code: 'OriginRefused' | 'ContentTypeRequired' | 'HostRefused';
  readonly message: string;
}

/** The refusal of a request that another site may have caused; null: the request is allowed. */
export function refusalOfCrossSite(x: Exchange): CrossSiteRefusal | null {
  if (isUnknownHost(x)) {
    return {
      status: 421,
      code: 'HostRefused',
      message: 'this address accepts the hosts "localhost", addresses of this machine, and the first server_name',
    };
  }
  return refusalOfCrossOrigin(x);
}

/** The refusal of a request that a page of another origin makes, whatever its host; null: it is allowed. */
export function refusalOfCrossOrigin(x: Exchange): CrossSiteRefusal | null {
  const site = x.headers.get('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return { status: 403, code: 'OriginRefused', message: 'cross-site requests are refused (Sec-Fetch-Site)' };
  }
  if (x.headers.all('origin').some((origin) => !isOwnOrigin(origin, x))) {
    return { status: 403, code: 'OriginRefused', message: 'cross-origin requests are refused (Origin)' };
  }
  return null;
}

/** Refuses bodies of a type that a form can send: for other types, browsers send a preflight request (CORS) first. */
export function refusalOfFormType(x: Exchange): CrossSiteRefusal | null {
  const type = x.headers.get('content-type');
  if (type === undefined && x.contentLength === 0 && x.method === 'DELETE') return null;
  if (/^application\/json[ \t]*(?:;.*)?$/i.test(type ?? '')) return null;
  const message = 'the request needs the field "Content-Type: application/json"';
  return { status: 415, code: 'ContentTypeRequired', message };
}

/** Whether an `Origin` is that of the server to which the request was sent. */
function isOwnOrigin(origin: string, { client, headers }: Exchange): boolean {
  const scheme = client.secure ? 'https' : 'http';
  const port = client.secure ? ':443' : ':80';
  const own = (headers.get('host') ?? '').toLowerCase();
  const host = own.endsWith(port) ? own.slice(0, -port.length) : own;
  return host !== '' && origin.toLowerCase() === `${scheme}://${host}`;
}

/** On loopback addresses, host names other than `localhost` and the first one of the server are refused. */
function isUnknownHost({ client, host, server }: Exchange): boolean {
  if (!isLoopback(client.localAddress) || host === '' || host === server.name) return false;
  return !isLoopback(host.replace(/^\[(.*)\]$/, '$1')) && !/(?:^|\.)localhost\.?$/.test(host);
}

function isLoopback(address: string): boolean {
  const ip = canonicalIp(address);
  return ip !== null && (ip.startsWith('127.') || ip === '::1');
}
