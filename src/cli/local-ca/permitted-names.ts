/**
 * Names for which the local CA can issue certificates. A browser that trusts the CA accepts it for these only: whoever gets
 * its key cannot impersonate any other site to this user.
 */
import { domainToASCII } from 'node:url';
import { canonicalIp } from '../../config/address.js';
import { type Cidr, contains, ipBytes, parseCidr } from '../../config/cidr.js';

/** Name constraints of a CA (RFC 5280 4.2.1.10). */
export interface NameConstraints {
  /** Each with all names below it. */
  readonly domains: readonly string[];
  readonly networks: readonly Cidr[];
}

/** Domains that never lead to a host of the internet: RFC 6761, RFC 6762 (`local`), RFC 8375 (`home.arpa`). */
const LOCAL_DOMAINS = ['localhost', 'test', 'example', 'local', 'home.arpa'];

/** Loopback, private and link-local addresses (RFC 1918, RFC 3927, RFC 4193, RFC 4291). */
const LOCAL_NETWORKS = ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'].concat([
  '::1/128',
  'fc00::/7',
  'fe80::/10',
]);

/** Characters that separate a host from other parts of a URL, or that URL parsers decode. */
const OUTSIDE_NAMES = /[\s/\\?#@:%]/;

/** Maximum length of a DNS name, and of one label. */
const MAX_NAME = 253;
const MAX_LABEL = 63;

/** Constraints of local names and of further domains. */
export function constraintsWith(domains: readonly string[]): NameConstraints {
  const networks = LOCAL_NETWORKS.flatMap((text) => parseCidr(text)?.cidr ?? []);
  return { domains: [...LOCAL_DOMAINS, ...domains.filter((name) => !LOCAL_DOMAINS.includes(name))], networks };
}

/** Whether an address is one of this machine or of a private network. */
export function isLocalAddress(address: string): boolean {
  return permits(constraintsWith([]), address);
}

/** Whether a certificate with that name, `*.` at its beginning included, satisfies the constraints. */
export function permits({ domains, networks }: NameConstraints, name: string): boolean {
  const address = ipBytes(name);
  if (address !== null) return networks.some((network) => contains(network, address));
  return domains.some((domain) => name === domain || name.endsWith(`.${domain}`));
}

/**
 * The name as certificates contain it: lower case, A-labels, an address in its canonical form. Null for other text: a
 * regular expression of `server_name`, `_`, a name with `*` elsewhere than in the first label, or one that is too long.
 */
export function certificateName(text: string): string | null {
  const address = canonicalIp(text.replace(/^\[(.*)\]$/, '$1'));
  if (address !== null) return address;
  if (OUTSIDE_NAMES.test(text)) return null;
  const wildcard = text.startsWith('*.') ? '*.' : '';
  const ascii = domainToASCII(text.slice(wildcard.length).replace(/\.$/, ''));
  const isName = ascii
    .split('.')
    .every((label) => label.length <= MAX_LABEL && /^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$/.test(label));
  // The last label of a name is no number (RFC 3696 2): verifiers take such a text for a malformed address.
  if (!isName || /(?:^|\.)\d+$/.test(ascii)) return null;
  const name = wildcard + ascii;
  // Verifiers accept no wildcard for all names below a top-level domain.
  return name.length > MAX_NAME || (wildcard !== '' && !ascii.includes('.')) ? null : name;
}

/** The name below `localhost` by which browsers reach this machine: `shop.example.localhost`; null if there is none. */
export function localhostName(name: string): string | null {
  if (name === 'localhost' || name.endsWith('.localhost')) return name;
  return canonicalIp(name) === null ? certificateName(`${name}.localhost`) : null;
}

/** Why a domain cannot be added to the constraints; null if it can. */
export function refusalOfDomain(text: string): string | null {
  const name = certificateName(text);
  if (name === null || name.startsWith('*.') || canonicalIp(name) !== null) return 'is not a domain name';
  if (!name.includes('.')) return 'would permit a whole top-level domain';
  return null;
}
