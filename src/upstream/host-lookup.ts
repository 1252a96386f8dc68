/** Resolves host names of a configuration once, before it is put in force. */

import { type Address, canonicalIp } from '../config/address.js';
import { toText } from '../diagnostics/byte-string.js';
import type { Compiler } from '../program/module.js';
import type { PeerAddress } from './peer.js';

/** The system resolver does not know a host. nginx: `host not found in upstream "x"`; the caller adds the place. */
export class HostNotFound extends Error {
  constructor(
    readonly host: string,
    options?: ErrorOptions,
  ) {
    super('host not found', options);
  }
}

/** Resolves a host to all its IP addresses, in the order of the system resolver. Rejects with HostNotFound. */
export async function lookupHost(host: string): Promise<string[]> {
  try {
    // A host name may contain UTF-8; here it is a byte string.
    const name = toText(host);
    const { lookup } = await import('node:dns/promises');
    const found = await lookup(name, { all: true, verbatim: true });
    return [...new Set(found.map(({ address }) => canonicalIp(address) ?? address))];
  } catch (cause) {
    throw new HostNotFound(host, { cause });
  }
}

/** Resolves a parsed address. Rejects with HostNotFound. */
export async function peerAddresses(address: Address): Promise<PeerAddress[]> {
  if (address.family === 'unix') return [{ path: address.path }];
  const { host, port } = address;
  if (address.family !== 'name') return [{ host, port }];
  return (await lookupHost(host)).map((ip) => ({ host: ip, port }));
}

/**
 * Resolves an address of a routing table. An unknown host may be kept as written if nothing connects to it (`explain`).
 * Rejects with HostNotFound.
 */
export async function compiledAddresses(address: Address, { observer }: Compiler): Promise<PeerAddress[]> {
  try {
    return await peerAddresses(address);
  } catch (error) {
    if (!(error instanceof HostNotFound) || address.family !== 'name' || !observer.unknownHost(address.host))
      throw error;
    return [{ host: address.host, port: address.port }];
  }
}
