/** Resolves names at run time, as configured by `resolver`. */
import type { Resolver as DnsResolver } from 'node:dns/promises';
import { canonicalIp, formatAddress } from '../config/address.js';
import type { ResolverData } from '../config/resolver-argument.js';
import type { Compiler } from '../program/module.js';
import { HostNotFound, peerAddresses } from './host-lookup.js';

/** Resolution of a name failed. `code` and `text` are nginx's: `name could not be resolved (3: Host not found)`. */
export class ResolveError extends Error {
  constructor(
    readonly host: string,
    readonly code: number,
    readonly text: string,
  ) {
    super(`${host} could not be resolved (${code}: ${text})`);
  }
}

/** DNS response codes (RFC 1035 4.1.1) and the timeout, in nginx's words. */
const FORMAT_ERROR = [1, 'Format error'] as const;
const SERVER_FAILURE = [2, 'Server failure'] as const;
const NOT_FOUND = [3, 'Host not found'] as const;
const UNIMPLEMENTED = [4, 'Unimplemented'] as const;
const REFUSED = [5, 'Operation refused'] as const;
const TIMED_OUT = [110, 'Operation timed out'] as const;

const REASONS: Readonly<Record<string, readonly [number, string]>> = {
  EFORMERR: FORMAT_ERROR,
  ESERVFAIL: SERVER_FAILURE,
  ENOTFOUND: NOT_FOUND,
  EBADNAME: NOT_FOUND,
  EBADRESP: SERVER_FAILURE,
  ENODATA: NOT_FOUND,
  ENOTIMP: UNIMPLEMENTED,
  EREFUSED: REFUSED,
};

/** Time after which a name server is queried again, ms; nginx's `resend_timeout`. */
const RESEND_TIMEOUT = 5000;

/** A target of a service (RFC 2782). */
export interface ServiceTarget {
  readonly target: string;
  readonly port: number;
  readonly weight: number;
  readonly priority: number;
}

/** An answer: addresses in canonical form. */
export interface Resolved {
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  /** Expiry, ms since 1970. */
  readonly expires: number;
}

interface TtlAddress {
  readonly address: string;
  readonly ttl: number;
}

/** Queries the configured name servers and caches their answers. Names are compared case-insensitively. */
export class Resolver {
  /** Settles when the addresses of the name servers are known. Rejects with HostNotFound. */
  readonly ready: Promise<void>;
  private readonly dns: DnsResolver;
  private readonly answers = new Map<string, Resolved>();
  private readonly pending = new Map<string, Promise<Resolved>>();

  constructor(private readonly data: ResolverData) {
    // Loaded on demand: most configurations need no resolver.
    const { Resolver: NodeResolver } = process.getBuiltinModule('node:dns/promises');
    this.dns = new NodeResolver({ timeout: RESEND_TIMEOUT });
    this.ready = this.findServers();
  }

  private async findServers(): Promise<void> {
    const addresses = await Promise.all(this.data.servers.map(peerAddresses));
    this.dns.setServers(addresses.flat().map(formatAddress));
  }

  /** Returns the cached answer that has not expired, or null. */
  known(name: string): Resolved | null {
    const answer = this.answers.get(name.toLowerCase());
    return answer !== undefined && answer.expires > Date.now() ? answer : null;
  }

  /** Resolves a name. Rejects with ResolveError; `timeout` (`resolver_timeout`) in ms. */
  async resolve(name: string, timeout: number): Promise<Resolved> {
    return this.known(name) ?? (await withTimeout(this.sharedQuery(name.toLowerCase()), name, timeout));
  }

  /**
   * Resolves the targets of a host's service. `service` without a dot stands for `_service._tcp`. Rejects with
   * ResolveError. Answers are not cached here: callers query on a timer.
   */
  async resolveService(service: string, host: string, timeout: number): Promise<ServiceTarget[]> {
    const name = service.includes('.') ? `${service}.${host}` : `_${service}._tcp.${host}`;
    const query = this.dns.resolveSrv(name).catch((error: unknown) => {
      throw new ResolveError(host, ...reasonOf(error));
    });
    const records = await withTimeout(query, host, timeout);
    return records.map((record) => ({
      target: record.name,
      port: record.port,
      weight: record.weight,
      priority: record.priority,
    }));
  }

  /** Cancels all pending queries. */
  cancel(): void {
    this.dns.cancel();
  }

  /** Queries for the same name share a pending query. */
  private sharedQuery(name: string): Promise<Resolved> {
    const running = this.pending.get(name);
    if (running !== undefined) return running;
    const query = this.query(name).finally(() => this.pending.delete(name));
    this.pending.set(name, query);
    return query;
  }

  private async query(name: string): Promise<Resolved> {
    const [ipv4, ipv6] = await Promise.allSettled([
      this.data.ipv4 ? this.dns.resolve4(name, { ttl: true }) : [],
      this.data.ipv6 ? this.dns.resolve6(name, { ttl: true }) : [],
    ]);
    const found = [...settled(ipv4), ...settled(ipv6)];
    if (found.length === 0) {
      const [code, text] = reasonOf(ipv4.status === 'rejected' ? ipv4.reason : rejection(ipv6));
      throw new ResolveError(name, code, text);
    }
    const ttl = Math.min(...found.map((answer) => answer.ttl * 1000));
    const resolved: Resolved = {
      ipv4: settled(ipv4).map(canonical),
      ipv6: settled(ipv6).map(canonical),
      expires: Date.now() + (this.data.valid ?? ttl),
    };
    this.answers.set(name, resolved);
    this.forgetExpired();
    return resolved;
  }

  /** Removes expired answers, which would accumulate: names also come from requests (`proxy_pass http://$host`). */
  private forgetExpired(): void {
    const now = Date.now();
    for (const [name, { expires }] of this.answers) if (expires <= now) this.answers.delete(name);
  }
}

/** Returns the resolver for a `resolver` directive. Equal directives share one, also over reloads. */
export function sharedResolver(compiler: Compiler, data: ResolverData): Resolver {
  const key = `resolver:${JSON.stringify(data)}`;
  const known = compiler.shared.get<Resolver>(key);
  if (known !== undefined) return known;
  const kept = compiler.previous?.get<Resolver>(key);
  const resolver = compiler.shared.set(key, kept ?? new Resolver(data));
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
export function rotated(resolved: Resolved): string[] {
  return rotate([...rotate(resolved.ipv4), ...rotate(resolved.ipv6)]);
}

function rotate(list: readonly string[]): string[] {
  const by = Math.floor(Math.random() * list.length);
  return [...list.slice(by), ...list.slice(0, by)];
}

function settled(result: PromiseSettledResult<readonly TtlAddress[]>): readonly TtlAddress[] {
  return result.status === 'fulfilled' ? result.value : [];
}

function rejection(result: PromiseSettledResult<unknown>): unknown {
  return result.status === 'rejected' ? result.reason : null;
}

function canonical({ address }: TtlAddress): string {
  return canonicalIp(address) ?? address;
}

function reasonOf(error: unknown): readonly [number, string] {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code === '' ? NOT_FOUND : (REASONS[code] ?? TIMED_OUT);
}

async function withTimeout<T>(work: Promise<T>, name: string, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ResolveError(name, ...TIMED_OUT)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
