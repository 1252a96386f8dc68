/**
 * Names of servers on this machine: `shop.example` is reached as `shop.example.localhost`, which browsers resolve to a loopback
 * address without any setup.
 */
import { canonicalIp } from '../../config/address.js';

export const LOCAL_SUFFIX = '.localhost';

/** Whether a name needs no suffix: it is `localhost` or below, an address, or not a host name at all (`_`). */
function isLocal(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith(LOCAL_SUFFIX) ||
    canonicalIp(name) !== null ||
    !/^(?:\*?\.)?[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*$/i.test(name)
  );
}

/**
 * The name to add to a `server_name`; null if none is needed. Wildcards at the end, and regular expressions without an anchor at
 * the end, match names with the suffix anyway.
 */
export function localServerName(name: string): string | null {
  if (name.startsWith('~')) return /[^\\]\$$/.test(name) ? `${name.slice(0, -1)}(?:\\.localhost)?$` : null;
  return isLocal(name) ? null : `${name}${LOCAL_SUFFIX}`;
}

/** A name for URLs and certificates; null for those that name no host, or many. `*.example.com` is allowed. */
export function urlName(name: string): string | null {
  if (name.startsWith('~')) return null;
  // It matches the name in every domain.
  if (name.endsWith('.*')) return `${name.slice(0, -2)}${LOCAL_SUFFIX}`;
  const host = name.startsWith('.') ? name.slice(1) : name;
  const local = localServerName(host);
  if (local !== null) return local;
  return host === 'localhost' || host.endsWith(LOCAL_SUFFIX) ? host : null;
}

/** Server names of a configuration, in lower case. */
export class DeclaredNames {
  private readonly exact: ReadonlySet<string>;
  private readonly suffixes: readonly string[];

  constructor(names: readonly string[]) {
    this.exact = new Set(names.map((name) => name.replace(/^\./, '')));
    this.suffixes = names.flatMap((name) => /^\*?(\..+)$/.exec(name)?.[1] ?? []);
  }

  has(host: string): boolean {
    return this.exact.has(host) || this.suffixes.some((suffix) => host.endsWith(suffix));
  }

  /**
   * The name that a host with the suffix stands for; null for other hosts. Names with a dot count also if no server has them:
   * the default server answers them.
   */
  real(host: string): string | null {
    if (!host.endsWith(LOCAL_SUFFIX)) return null;
    const name = host.slice(0, -LOCAL_SUFFIX.length);
    if (this.exact.has(host)) return null;
    return name.includes('.') || this.has(name) ? name : null;
  }
}
