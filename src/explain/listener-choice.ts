/** The address at which a request arrives. */
import { formatAddress, isWildcard, parseAddress } from '../config/address.js';
import type { Listening } from '../exchange/module.js';
import { CannotExplain } from './refusal.js';
import type { PlainRequest } from './request-input.js';

/** An address that is listened on, and where in it the connection arrives. */
export interface Arrival {
  readonly listening: Listening;
  /** The listener's own address: `0.0.0.0:80`, or that of a single address which shares the socket of it. */
  readonly address: string;
  /** The address that the client connected to; empty for a unix socket. */
  readonly localAddress: string;
  readonly why: string;
  readonly others: readonly string[];
}

/** One address of a configuration: a socket's own, or one that shares the socket of a wildcard. */
interface Place {
  readonly listening: Listening;
  readonly address: string;
  readonly host: string;
}

function placesOf(listeners: readonly Listening[]): Place[] {
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

/** Chooses; throws CannotExplain where nothing listens there. */
export function chooseListener(
  listeners: readonly Listening[],
  { port, scheme, urlHost }: PlainRequest,
  listen: string | undefined,
): Arrival {
  const places = placesOf(listeners);
  const [first] = places;
  if (first === undefined) throw new CannotExplain('the configuration listens on no address', [], 'configuration');
  const all = places.map(({ address }) => address);
  const nowhere = (what: string): never => {
    throw new CannotExplain(`nothing listens on ${what}; the configuration listens on ${all.join(', ')}`);
  };
  const at = (place: Place, why: string, localAddress = place.host): Arrival => ({
    listening: place.listening,
    address: place.address,
    localAddress: isWildcard(localAddress) ? (localAddress === '::' ? '::1' : '127.0.0.1') : localAddress,
    why,
    others: all.filter((address) => address !== place.address),
  });
  if (listen !== undefined) {
    const wanted = parseAddress(listen, { defaultPort: 80, listen: true });
    if ('mistake' in wanted) throw new CannotExplain(`"${listen}" is no address to listen on: ${wanted.mistake}`);
    const key = formatAddress(wanted);
    const exact = places.find(({ address }) => address === key);
    if (exact !== undefined) return at(exact, 'it was asked for');
    if (wanted.family === 'unix') return nowhere(`"${listen}"`);
    const samePort = places.filter(({ listening }) => listening.path === null && listening.port === wanted.port);
    if (isWildcard(wanted.host)) {
      const [only] = samePort;
      if (only === undefined) return nowhere(`"${listen}"`);
      return at(only, samePort.length === 1 ? 'it has the port that was asked for' : 'the first with that port');
    }
    const family = wanted.host.includes(':') ? '::' : '0.0.0.0';
    const around = samePort.find(({ host }) => host === family);
    return around === undefined
      ? nowhere(`"${listen}"`)
      : at(around, `it takes the connections to ${wanted.host}`, wanted.host);
  }
  const usual = scheme === null ? null : scheme === 'https' || scheme === 'wss' ? 443 : 80;
  const wanted = port ?? usual;
  if (wanted !== null) {
    const samePort = places.filter(({ listening }) => listening.path === null && listening.port === wanted);
    const own = samePort.find(({ host }) => host === urlHost);
    if (own !== undefined) return at(own, 'the URL names it');
    const [only] = samePort;
    const wildcard = samePort.find(({ host }) => isWildcard(host)) ?? only;
    if (wildcard !== undefined) {
      const why = samePort.length === 1 ? `it is the one with port ${wanted}` : `of several with port ${wanted}`;
      return at(wildcard, why);
    }
    if (port !== null) return nowhere(`port ${port}`);
    return at(first, `${all.length === 1 ? 'it is the only one' : 'the first'}; nothing listens on port ${usual}`);
  }
  return at(first, all.length === 1 ? 'it is the only one' : 'the first; --listen chooses another');
}
