/** Networks in CIDR notation, as accepted by `allow`, `geo` and `set_real_ip_from`. */
import { canonicalIp } from './address.js';
import { parseInteger } from './units.js';

/** A network as plain data: the bytes of its address (4 or 16); bits after `length` are zero. */
export interface Cidr {
  readonly bytes: readonly number[];
  /** Prefix length in bits. */
  readonly length: number;
}

/**
 * Parses a network such as `192.0.2.0/24`, `2001:db8::/32` or a single address; null if it is invalid. `meaningless`:
 * bits after the prefix were set (and have been cleared). nginx: ngx_ptocidr.
 */
export function parseCidr(text: string): { readonly cidr: Cidr; readonly meaningless: boolean } | null {
  const slash = text.indexOf('/');
  const bytes = ipBytes(slash < 0 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  const bits = bytes.length * 8;
  const length = slash < 0 ? bits : parseInteger(text.slice(slash + 1));
  if (length === null || length > bits) return null;
  const masked = bytes.map((byte, i) => byte & maskOf(i, length));
  return { cidr: { bytes: masked, length }, meaningless: masked.some((byte, i) => byte !== bytes[i]) };
}

/** Mask for byte `i` of a network with that prefix length. */
function maskOf(i: number, length: number): number {
  const bits = Math.min(8, Math.max(0, length - i * 8));
  return (0xff << (8 - bits)) & 0xff;
}

/** Bytes of an IPv4 (4) or IPv6 (16) address without brackets, or null. */
export function ipBytes(text: string): number[] | null {
  const canonical = canonicalIp(text);
  if (canonical === null) return null;
  if (!canonical.includes(':')) return canonical.split('.').map(Number);
  // The canonical form may end in an IPv4 address, and omits one run of zeros.
  const hex = canonical.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) => `${pair(a, b)}:${pair(c, d)}`);
  const [head = '', tail = ''] = hex.split('::');
  const before = groups(head);
  const after = groups(tail);
  const zeros = hex.includes('::') ? new Array<number>(8 - before.length - after.length).fill(0) : [];
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

/** Text of an address given as bytes, in the form of `canonicalIp`. */
export function ipText(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: string[] = [];
  for (let i = 0; i < bytes.length; i += 2) groups.push(pair(String(bytes[i]), String(bytes[i + 1])));
  const text = groups.join(':');
  return canonicalIp(text) ?? text;
}

function pair(high: string, low: string): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

/** Whether an address lies in a network. An IPv4 address never lies in an IPv6 network, nor the reverse. */
export function contains(network: Cidr, address: readonly number[]): boolean {
  const { bytes, length } = network;
  if (address.length !== bytes.length) return false;
  for (let i = 0; i * 8 < length; i++) if (((address[i] as number) & maskOf(i, length)) !== bytes[i]) return false;
  return true;
}

/** The IPv4 address in an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`), or the address itself. */
export function unmapped(address: readonly number[]): readonly number[] {
  if (address.length !== 16 || address[10] !== 0xff || address[11] !== 0xff) return address;
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return address;
  return address.slice(12);
}
