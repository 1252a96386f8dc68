/** Client address behind proxies, from `X-Forwarded-For` and similar fields. */
import { type InetAddress, parseInetAddress } from '../net/inet-address.js';

/** Result of evaluating a list of addresses. */
interface Walk {
  readonly address: InetAddress;
  /** Whether the list was used up to its beginning, or the single requested address was taken from it. */
  readonly complete: boolean;
}

/**
 * Returns the address reported by trusted proxies, or `address` itself. From the right end of the field values (in the
 * order received) an address is taken if the previous one is trusted: once, or with `recursive` repeatedly. nginx:
 * ngx_http_get_forwarded_addr. Addresses are bytes, as returned by `ipBytes`.
 */
export function forwardedAddress(
  address: InetAddress,
  values: readonly string[],
  trusted: (address: readonly number[]) => boolean,
  recursive: boolean,
): InetAddress {
  let reached = address;
  for (let i = values.length - 1; i >= 0; i--) {
    const walk = walkBack(reached, values[i] as string, trusted, recursive);
    reached = walk.address;
    if (!recursive || !walk.complete) break;
  }
  return reached;
}

function walkBack(
  address: InetAddress,
  list: string,
  trusted: (address: readonly number[]) => boolean,
  recursive: boolean,
): Walk {
  let reached = address;
  let end = list.length;
  for (;;) {
    if (!trusted(reached.bytes)) return { address: reached, complete: false };
    while (end > 1 && isSeparator(list, end - 1)) end--;
    // As in nginx, the first byte is part of an address even if it is a separator, which makes the address invalid.
    let start = end;
    while (start > 0 && (start === 1 || !isSeparator(list, start - 1))) start--;
    const next = parseInetAddress(list.slice(start, end));
    if (next === null) return { address: reached, complete: false };
    reached = next;
    end = start - 1;
    if (!recursive || end < 0) return { address: reached, complete: true };
  }
}

function isSeparator(list: string, i: number): boolean {
  const char = list.charAt(i);
  return char === ' ' || char === ',';
}
