/**
 * Addresses in messages, parsed as in nginx (ngx_inet_addr, ngx_inet6_addr, ngx_parse_addr_port). This is more lenient
 * than the notation in a configuration (`1..2.3` has an empty octet, which counts as 0), and stricter in one case:
 * 255.255.255.255 is not an address.
 */

/** An address with an optional port. */
export interface InetAddress {
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
  /** 0 if absent. */
  readonly port: number;
}

const COLON = 58;
const DOT = 46;
const MAX_PORT = 65535;

/** Parses an address with an optional port (1 to 65535; IPv6 with port in brackets); null if invalid. */
export function parseInetAddress(text: string): InetAddress | null {
  const bare = inetBytes(text);
  if (bare !== null) return { bytes: bare, port: 0 };
  const bracketed = text.startsWith('[');
  const close = bracketed ? text.indexOf(']') : -1;
  if (bracketed && close < 0) return null;
  if (bracketed && close === text.length - 1) return withPort(inetBytes(text.slice(1, close)), 0);
  const colon = bracketed ? close + 1 : text.indexOf(':');
  if (colon < 0 || text.charCodeAt(colon) !== COLON) return null;
  const digits = text.slice(colon + 1);
  const port = /^[0-9]+$/.test(digits) ? Number(digits) : 0;
  if (port < 1 || port > MAX_PORT) return null;
  return withPort(inetBytes(bracketed ? text.slice(1, close) : text.slice(0, colon)), port);
}

function withPort(bytes: number[] | null, port: number): InetAddress | null {
  return bytes === null ? null : { bytes, port };
}

/** Parses an address without a port to its 4 or 16 bytes; null if invalid. */
export function inetBytes(text: string): number[] | null {
  return inet4(text) ?? inet6(text);
}

function inet4(text: string): number[] | null {
  const octets: number[] = [];
  let octet = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octets.push(octet) > 3) return null;
      octet = 0;
      continue;
    }
    const digit = code - 48;
    if (digit < 0 || digit > 9) return null;
    octet = octet * 10 + digit;
    if (octet > 255) return null;
  }
  if (octets.push(octet) !== 4) return null;
  // INADDR_NONE, with which C reports an error.
  return octets.every((each) => each === 255) ? null : octets;
}

/** Number of groups of an IPv6 address. */
const GROUPS = 8;

function inet6(text: string): number[] | null {
  if (text === '') return null;
  const groups: number[] = [];
  /** Position of `::`; -1 if absent. */
  let gap = -1;
  /** Start of the group, after a colon; -1 before the first one. */
  let start = -1;
  let digits = 0;
  let group = 0;
  // One leading colon is skipped, whatever follows.
  for (let i = text.charCodeAt(0) === COLON ? 1 : 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === COLON) {
      start = i + 1;
      if (digits > 0) {
        if (groups.push(group) === GROUPS) return null;
        digits = 0;
        group = 0;
      } else if (gap < 0) gap = groups.length;
      else return null;
    } else if (code === DOT && digits > 0) {
      const tail = groups.length > GROUPS - 2 || start < 0 ? null : inet4(text.slice(start));
      if (tail === null) return null;
      const [a, b, c, d] = tail as [number, number, number, number]; // inet4 returns four
      groups.push((a << 8) | b);
      group = (c << 8) | d;
      break;
    } else {
      const digit = hexDigit(code);
      if (digit < 0 || ++digits > 4) return null;
      group = group * 16 + digit;
    }
  }
  if (digits === 0 && gap < 0) return null;
  groups.push(group);
  const missing = GROUPS - groups.length;
  if (missing < 0 || (missing === 0) !== gap < 0) return null;
  if (gap >= 0) groups.splice(gap, 0, ...new Array<number>(missing).fill(0));
  return groups.flatMap((each) => [each >> 8, each & 255]);
}

/** Value of a hexadecimal digit; -1 for another character. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
