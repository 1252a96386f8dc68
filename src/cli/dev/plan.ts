/** Decisions for one configuration on this machine, which the rules (`rules.ts`) apply to its statements. */

import { getServers } from 'node:dns';
import { type Address, isWildcard } from '../../config/address.js';
import { toBytes } from '../../diagnostics/byte-string.js';
import { LocalCa } from '../local-ca/local-ca.js';
import type { ReadFiles } from './file-changes.js';
import { exists, type LocalFiles } from './local-files.js';
import { urlName } from './local-names.js';
import { networkAddresses } from './network-addresses.js';
import type { MappedAddress, PortMap } from './port-map.js';
import type { RunFiles } from './run-files.js';
import type { Notice } from './site.js';
import { namesOf, type Survey } from './survey.js';
import type { Targets } from './targets.js';

/** Addresses of this machine to listen on. */
export interface BindHosts {
  readonly ipv4: string;
  /** Null if IPv6 cannot be used. */
  readonly ipv6: string | null;
}

/** Distinguishes the addresses of `listen`: those on all interfaces, IPv4 and IPv6, share a port. */
export function addressKey(address: Exclude<Address, { family: 'unix' }>): string {
  return `${isWildcard(address.host) ? '*' : address.host.toLowerCase()}:${address.port}`;
}

/** A variable of the module of `tsproxy dev`. */
const CERTIFICATE = '$dev_certificate';

export interface PlanOptions {
  readonly survey: Survey;
  readonly files: LocalFiles;
  /** Receives the files on which the result depends. */
  readonly read: ReadFiles;
  /** Directory of the configuration, ending in a slash. Bytes. */
  readonly directory: string;
  /** nginx's prefix, ending in a slash. Bytes. */
  readonly prefix: string;
  readonly targets: Targets;
  readonly hosts: BindHosts;
  readonly ports: ReadonlyMap<string, number>;
  readonly consolePort: number;
  /** Hosts that are answered although no server has the name, in lower case. */
  readonly allowedHosts: readonly string[];
  readonly runFiles: RunFiles;
  /** Contents of a password file for `auth_basic` whose own is missing; empty: no login is accepted. */
  readonly passwords: string;
}

export class Plan {
  readonly notices: Notice[] = [];
  private readonly noticed = new Set<string>();
  private issued = false;

  constructor(readonly options: PlanOptions) {}

  /** Adds a line to the banner, once. */
  notice(subject: string, text: string): void {
    this.add({ subject, text });
  }

  /** Adds a line that the user should read; `summary` as in `Notice`. */
  warn(subject: string, text: string, summary?: string): void {
    this.add({ subject, text, ...(summary !== undefined && { summary }), warning: true });
  }

  private add(notice: Notice): void {
    const key = `${notice.subject} ${notice.text}`;
    if (this.noticed.has(key)) return;
    this.noticed.add(key);
    this.notices.push(notice);
  }

  /** Port on this machine of an address of `listen`. */
  port(address: Exclude<Address, { family: 'unix' }>): number {
    return this.options.ports.get(addressKey(address)) ?? address.port;
  }

  /** Path on this machine of a file named in the configuration; relative ones are relative to `base`. */
  file(written: string, base: 'conf' | 'prefix'): string {
    const { directory, prefix, files, read } = this.options;
    const path = files.locate(written.startsWith('/') ? written : (base === 'conf' ? directory : prefix) + written);
    // A directory changes with each of its files.
    if (base === 'conf' || !exists(path)) read.add(path);
    return path;
  }

  /** Names for a certificate of the local CA: those of URLs, and those as written, which it omits unless they are permitted. */
  get certificateNames(): readonly string[] {
    const names = namesOf(this.options.survey);
    const { ipv4 } = this.options.hosts;
    const addresses = ipv4 === '127.0.0.1' ? [] : [ipv4, ...networkAddresses()];
    return [...new Set([...addresses, ...names.flatMap((name) => urlName(name) ?? []), ...names.flatMap(wildcardOf)])];
  }

  /** Argument of `ssl_certificate` and its key for a certificate of the local CA, which is created if necessary. */
  get certificate(): string {
    if (this.issued) return CERTIFICATE;
    LocalCa.open().certificateFor(this.certificateNames, 'run');
    this.notice('certificates', 'of the local CA; "tsproxy ca trust" makes browsers accept them');
    this.issued = true;
    return CERTIFICATE;
  }

  /** File with the certificate of the local CA, which has not issued any certificate of a client. */
  get authority(): string {
    return toBytes(LocalCa.open().rootFile);
  }

  /** Name servers of this machine, in nginx's notation. */
  get nameServers(): readonly string[] {
    return getServers().map((server) =>
      server.includes(':') && !server.includes(']') && server.split(':').length > 2 ? `[${server}]` : server,
    );
  }
}

/** Names for a certificate of a server name: `.example.com` stands for two. */
function wildcardOf(name: string): string[] {
  return name.startsWith('.') ? [name.slice(1), `*${name}`] : [name];
}

/** Addresses of a configuration with their ports, for the translation of URLs. */
export function mappedAddresses({ survey, ports }: Pick<PlanOptions, 'survey' | 'ports'>): MappedAddress[] {
  const found = new Map<string, MappedAddress>();
  // Addresses on all interfaces first: they are what names lead to.
  const listens = survey.servers.flatMap((server) => server.listens);
  const rank = ({ address }: { readonly address: Address }): number =>
    address.family !== 'unix' && isWildcard(address.host) ? 0 : 1;
  for (const { address, secure } of [...listens].sort((a, b) => rank(a) - rank(b))) {
    if (address.family === 'unix') continue;
    const to = ports.get(addressKey(address));
    if (to === undefined) continue;
    found.set(`${secure} ${address.port} ${to}`, { from: address.port, to, secure });
  }
  return [...found.values()];
}

/** Assigns ports to all addresses of a configuration. */
export async function assignPorts({ servers }: Survey, map: PortMap): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>();
  for (const { listens } of servers) {
    for (const { address } of listens) {
      if (address.family === 'unix' || address.port === 0 || address.lastPort !== address.port) continue;
      const key = addressKey(address);
      if (!ports.has(key)) ports.set(key, await map.assign(key, address.port));
    }
  }
  return ports;
}
