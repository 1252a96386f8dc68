/** Choice of the listener that receives a request. */

import { formatAddress, isWildcard, parseAddress } from '../config/address.js';
import { TlsStep } from '../net/tls-step.js';
import type { Listening } from '../program/module.js';
import { CannotExplain } from './cannot-explain.js';
import type { ParsedRequest } from './request-input.js';

/** The listener that receives a connection, and the local address of the connection. */
export interface Arrival {
  readonly listening: Listening;
  /** Whether the client uses TLS with this listener. */
  readonly secure: boolean;
  /** The listener's address, such as `0.0.0.0:80`, or a specific address that shares its socket. */
  readonly address: string;
  /** Address that the client connected to; empty for a unix socket. */
  readonly localAddress: string;
  readonly why: string;
  readonly others: readonly string[];
}

/** One listen address: that of a socket, or a specific one that shares the socket of a wildcard. */
interface ListenAddress {
  readonly listening: Listening;
  readonly address: string;
  readonly host: string;
}

function listenAddressesOf(listeners: readonly Listening[]): ListenAddress[] {
  return listeners.flatMap((listening) => {
    const { key, host, port, byLocalAddress } = listening;
    const shared = [...(byLocalAddress?.keys() ?? [])].map((each) => ({
      listening,
      address: formatAddress({ host: each, port }),
      host: each,
    }));
    return [{ listening, address: key, host }, ...shared];
  });
}

/** Whether a client with this scheme uses TLS. */
export function isSecure(scheme: ParsedRequest['scheme']): boolean {
  return scheme === 'https' || scheme === 'wss';
}

function usesTls({ steps }: Listening): boolean {
  return steps?.some((step) => step instanceof TlsStep) === true;
}

/** Chooses the listener; throws CannotExplain if there is none for the requested address or port. */
export function chooseListener(
  listeners: readonly Listening[],
  { port, scheme, urlHost }: ParsedRequest,
  listen: string | undefined,
): Arrival {
  const places = listenAddressesOf(listeners);
  const [first] = places;
  if (first === undefined) throw new CannotExplain('the configuration listens on no address', [], 'configuration');
  const all = places.map(({ address }) => address);
  const noListener = (what: string): never => {
    throw new CannotExplain(`there is no listener on ${what}; the configuration listens on ${all.join(', ')}`);
  };
  const at = (place: ListenAddress, why: string, localAddress = place.host): Arrival => ({
    listening: place.listening,
    secure: isSecure(scheme) && usesTls(place.listening),
    address: place.address,
    localAddress: isWildcard(localAddress) ? (localAddress === '::' ? '::1' : '127.0.0.1') : localAddress,
    why,
    others: all.filter((address) => address !== place.address),
  });
  if (listen !== undefined) {
    const requested = parseAddress(listen, { defaultPort: 80, listen: true });
    if ('mistake' in requested) throw new CannotExplain(`"${listen}" is not a listen address: ${requested.mistake}`);
    const key = formatAddress(requested);
    const exact = places.find(({ address }) => address === key);
    if (exact !== undefined) return at(exact, 'as requested');
    if (requested.family === 'unix') return noListener(`"${listen}"`);
    const samePort = places.filter(({ listening }) => listening.path === null && listening.port === requested.port);
    if (isWildcard(requested.host)) {
      const [only] = samePort;
      if (only === undefined) return noListener(`"${listen}"`);
      return at(only, samePort.length === 1 ? 'it has the requested port' : 'the first with that port');
    }
    const family = requested.host.includes(':') ? '::' : '0.0.0.0';
    const wildcard = samePort.find(({ host }) => host === family);
    return wildcard === undefined
      ? noListener(`"${listen}"`)
      : at(wildcard, `it accepts connections to ${requested.host}`, requested.host);
  }
  const defaultPort = scheme === null ? null : isSecure(scheme) ? 443 : 80;
  const requested = port ?? defaultPort;
  if (requested !== null) {
    const samePort = places.filter(({ listening }) => listening.path === null && listening.port === requested);
    const own = samePort.find(({ host }) => host === urlHost);
    if (own !== undefined) return at(own, 'it is named in the URL');
    const [only] = samePort;
    const wildcard = samePort.find(({ host }) => isWildcard(host)) ?? only;
    if (wildcard !== undefined) {
      const why = samePort.length === 1 ? `it is the one with port ${requested}` : `of several with port ${requested}`;
      return at(wildcard, why);
    }
    if (port !== null) return noListener(`port ${port}`);
    return at(
      first,
      `${all.length === 1 ? 'it is the only one' : 'the first'}; there is no listener on port ${defaultPort}`,
    );
  }
  return at(first, all.length === 1 ? 'it is the only one' : 'the first; --listen chooses another');
}
