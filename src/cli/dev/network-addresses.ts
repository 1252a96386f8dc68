/** IPv4 addresses of this machine in its networks. */
import { networkInterfaces } from 'node:os';

export function networkAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
}
