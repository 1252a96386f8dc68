/** Resolves names at run time, as configured by `resolver`. */
import { formatAddress } from '../config/address.js';
import type { ResolverData } from '../config/resolver-argument.js';
import type { ServerList } from '../dns/lookup.js';
import { A, AAAA, errorText, HOST_NOT_FOUND, type ServiceRecord, SRV } from '../dns/message.js';
import { NameServer } from '../dns/name-server.js';
import { NameTable } from '../dns/name-table.js';
import type { ResolverEvent, ResolverReport } from '../dns/statistics.js';
import { type NameRecord, type Outcome, TIMED_OUT } from '../dns/wait.js';
import type { ErrorLog } from '../logging/error-log.js';
import { asciiLowerCase } from '../net/ascii-case.js';
import type { Compiler } from '../program/module.js';
import { HostNotFound, peerAddresses } from './host-lookup.js';
import { openResolverZone } from './resolver-zone.js';

/** Resolution of a name failed. `code` and `text` are nginx's: `name could not be resolved (3: Host not found)`. */
export class ResolveError extends Error {
  readonly text: string;

  constructor(
    readonly host: string,
    readonly code: number,
    /** Time after which a periodic query is repeated, ms since 1970. */
    readonly expires: number,
  ) {
    super(`${host} could not be resolved (${code}: ${errorText(code)})`);
    this.text = errorText(code);
  }
}

/** No target of a service has an address; the code is that of a target, preferably HOST_NOT_FOUND, as in nginx. */
export class ServiceError extends ResolveError {
  constructor(
    host: string,
    readonly targets: readonly ServiceTarget[],
  ) {
    const errors = targets.flatMap(({ error }) => error ?? []);
    const error = errors.find(({ code }) => code === HOST_NOT_FOUND) ?? errors[0];
    super(host, error?.code ?? HOST_NOT_FOUND, error?.expires ?? 0);
  }
}

/** Time after which the next name server is queried, ms; nginx's `resend_timeout`. */
const RESEND_TIMEOUT = 5000;

/** An answer: addresses in canonical form, in the order in which they are used. */
export interface Resolved {
  readonly addresses: readonly string[];
  /** Expiry, ms since 1970. */
  readonly expires: number;
}

/** A target of a service (RFC 2782) with its addresses, or the error of its lookup. */
export interface ServiceTarget extends ServiceRecord {
  readonly addresses: readonly string[];
  readonly error: ResolveError | null;
}

/** Targets of a service, by priority. */
export interface ResolvedService {
  readonly targets: readonly ServiceTarget[];
  /** Expiry, ms since 1970. */
  readonly expires: number;
}

/** Queries the configured name servers and caches their answers. Names are compared case-insensitively. */
export class Resolver {
  /** Settles when the addresses of the name servers are known. Rejects with HostNotFound. */
  readonly ready: Promise<void>;
  /** Receives lines about invalid responses. */
  errorLog: ErrorLog | null = null;
  /** Counts lookups and responses (`status_zone`). */
  statistics: { count(event: ResolverEvent): void } | null = null;
  private readonly list: { servers: NameServer[] } & ServerList;
  private readonly names: NameTable;
  private readonly services: NameTable;

  constructor(
    private readonly data: ResolverData,
    resend = RESEND_TIMEOUT,
  ) {
    const report: ResolverReport = {
      note: (text) => this.errorLog?.write('error', text),
      count: (event) => this.statistics?.count(event),
    };
    this.list = { servers: [], next: 0, report };
    const { valid, ipv4, ipv6 } = data;
    const types = ([A, AAAA] as const).filter((type) => (type === A ? ipv4 : ipv6));
    this.names = new NameTable(this.list, { types, valid, resend });
    this.services = new NameTable(this.list, { types: [SRV], valid, resend });
    this.ready = this.findServers();
  }

  private async findServers(): Promise<void> {
    const addresses = await Promise.all(this.data.servers.map(peerAddresses));
    for (const address of addresses.flat()) {
      if ('path' in address) throw new HostNotFound(formatAddress(address));
      this.list.servers.push(new NameServer(address, this.list.report));
    }
  }

  /**
   * Resolves a name. Rejects with ResolveError, or the reason of `signal` when it is aborted. `timeout`
   * (`resolver_timeout`) in ms; 0 for none.
   */
  async resolve(name: string, timeout: number, signal?: AbortSignal): Promise<Resolved> {
    const host = withoutDot(name);
    const { record, cached } = await this.find(this.names, host, host, timeout, signal);
    return { addresses: cached ? rotated(record) : [...record.ipv4, ...record.ipv6], expires: record.expires };
  }

  /**
   * Resolves the targets of a host's service, and their addresses. `service` without a dot stands for `_service._tcp`.
   * Rejects with ResolveError if there is no address at all; errors of single targets are in the result, too.
   */
  async resolveService(service: string, host: string, timeout: number): Promise<ResolvedService> {
    const domain = withoutDot(host);
    const name = service.includes('.') ? `${service}.${domain}` : `_${service}._tcp.${domain}`;
    const { record } = await this.find(this.services, name, domain, timeout);
    let { expires } = record;
    const inOrder = [...record.services].sort((a, b) => a.priority - b.priority);
    const targets = await Promise.all(
      inOrder.map(async (target): Promise<ServiceTarget> => {
        try {
          const found = await this.resolve(target.target, timeout);
          expires = Math.min(expires, found.expires);
          return { ...target, addresses: found.addresses, error: null };
        } catch (error) {
          if (!(error instanceof ResolveError)) throw error;
          return { ...target, addresses: [], error };
        }
      }),
    );
    if (targets.every(({ addresses }) => addresses.length === 0)) throw new ServiceError(domain, targets);
    return { targets, expires };
  }

  private find(table: NameTable, name: string, host: string, timeout: number, signal?: AbortSignal): Promise<Found> {
    return new Promise((resolve, reject) => {
      const wait = table.find(asciiLowerCase(name), timeout, (outcome) => {
        signal?.removeEventListener('abort', cancel);
        if ('record' in outcome) resolve(outcome);
        else {
          if (outcome.code === TIMED_OUT) this.statistics?.count('timedout');
          reject(new ResolveError(host, outcome.code, outcome.expires));
        }
      });
      function cancel(): void {
        wait.cancel();
        reject(signal?.reason);
      }
      if (wait.waits !== null) signal?.addEventListener('abort', cancel);
    });
  }

  /** Ends all queries; requests for these names end at their timeouts. */
  cancel(): void {
    this.names.cancel();
    this.services.cancel();
  }
}

/** Returns the resolver for a `resolver` directive. Equal directives share one, also over reloads. */
export function sharedResolver(compiler: Compiler, data: ResolverData): Resolver {
  const key = `resolver:${JSON.stringify(data)}`;
  const known = compiler.shared.get<Resolver>(key);
  if (known !== undefined) return known;
  const kept = compiler.previous?.get<Resolver>(key);
  const resolver = compiler.shared.set(key, kept ?? new Resolver(data));
  const zone = data.statusZone === null ? null : openResolverZone(data.statusZone, compiler);
  resolver.errorLog ??= compiler.errorLog;
  resolver.statistics ??= zone;
  compiler.whenServing(async () => {
    resolver.errorLog = compiler.errorLog;
    resolver.statistics = zone;
  });
  compiler.await(
    resolver.ready.catch((error: unknown) => {
      if (!(error instanceof HostNotFound)) throw error;
      compiler.fail(`${error.message} in resolver "${error.host}"`, null);
    }),
  );
  return resolver;
}

/**
 * Returns the addresses in rotated order to distribute requests: each family is rotated separately, then the combined
 * list.
 */
export function rotated({ ipv4, ipv6 }: Pick<NameRecord, 'ipv4' | 'ipv6'>): string[] {
  return rotate([...rotate(ipv4), ...rotate(ipv6)]);
}

function rotate(list: readonly string[]): string[] {
  const by = Math.floor(Math.random() * list.length);
  return [...list.slice(by), ...list.slice(0, by)];
}

type Found = Extract<Outcome, { readonly code: 0 }>;

function withoutDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
