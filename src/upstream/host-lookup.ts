/** Addresses of names that stand in a configuration: looked up once, before it is put into force. */
import { type Address, canonicalIp } from '../config/address.js';
import type { Compiler } from '../exchange/module.js';
import type { PeerAddress } from './peer.js';

/** The system does not know a host. nginx says `host not found in upstream "x"`; the place is for the caller to add. */
export class HostNotFound extends Error {
  constructor(
    readonly host: string,
    options?: ErrorOptions,
  ) {
    super('host not found', options);
  }
}

/** All IP addresses of a host, as the system's resolver orders them. Rejects with HostNotFound. */
export async function lookupHost(host: string): Promise<string[]> {
  try {
    // A host name may hold UTF-8, and is a string of bytes here.
    const name = Buffer.from(host, 'latin1').toString('utf8');
    const { lookup } = await import('node:dns/promises');
    const found = await lookup(name, { all: true, verbatim: true });
    return [...new Set(found.map(({ address }) => canonicalIp(address) ?? address))];
  } catch (cause) {
    throw new HostNotFound(host, { cause });
  }
}

/** The addresses that a parsed address stands for. Rejects with HostNotFound. */
export async function peerAddresses(address: Address): Promise<PeerAddress[]> {
  if (address.family === 'unix') return [{ path: address.path }];
  const { host, port } = address;
  if (address.family !== 'name') return [{ host, port }];
  return (await lookupHost(host)).map((ip) => ({ host: ip, port }));
}

/**
 * The same for a table. Where somebody only watches, a host that is not found stays as it is written: nothing connects to
 * it. Rejects with HostNotFound.
 */
export async function compiledAddresses(address: Address, { observer }: Compiler): Promise<PeerAddress[]> {
  try {
    return await peerAddresses(address);
  } catch (error) {
    if (!(error instanceof HostNotFound) || observer === null || address.family !== 'name') throw error;
    observer.unknownHost(address.host);
    return [{ host: address.host, port: address.port }];
  }
}
