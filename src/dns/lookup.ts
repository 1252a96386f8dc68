/** Pending questions about one name. */
import {
  A,
  AAAA,
  type Answer,
  encodeQuery,
  HOST_NOT_FOUND,
  type QuestionType,
  type ServiceRecord,
  SRV,
} from './message.js';
import type { NameServer } from './name-server.js';
import { Query, type QueryOwner } from './query.js';
import type { ResolverReport } from './statistics.js';
import type { NameRecord, Wait } from './wait.js';

/** Name servers, of which each lookup begins with the next one. */
export interface ServerList {
  readonly servers: readonly NameServer[];
  /** Index of the next one. */
  next: number;
  readonly report: ResolverReport;
}

export interface TableOptions {
  /** Questions asked for a name. */
  readonly types: readonly QuestionType[];
  /** Time in ms for which answers are valid; null: their TTL. */
  readonly valid: number | null;
  /** Time after which the next name server is asked, ms. */
  readonly resend: number;
}

/** Table of the names that are looked up. */
export interface LookupOwner {
  readonly list: ServerList;
  readonly options: TableOptions;
  /** Caches an answer. */
  store(name: string, record: NameRecord): void;
  /** Continues with the name in an answer. */
  followAlias(wait: Wait, alias: string): void;
  /** Expiry of an error, ms since 1970. */
  errorExpiry(): number;
  /** A lookup has ended. */
  remove(name: string): void;
}

const NOTHING: readonly string[] = [];

/** Asks one name server after the other until all questions are answered. An error is an answer, as in nginx. */
export class Lookup implements QueryOwner {
  readonly waits = new Set<Wait>();
  private readonly queries: readonly Query[];
  private readonly addresses = new Map<QuestionType, readonly string[]>();
  private services: readonly ServiceRecord[] = [];
  /** Error of a question; fails the name, whatever the others have brought. */
  private code = 0;
  /** Smallest TTL of all records, in seconds. */
  private ttl = Number.POSITIVE_INFINITY;
  /** Index of the server that was asked last. */
  private server: number;
  /** Servers that could not be asked since the last resend. */
  private losses = 0;
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly table: LookupOwner,
    private readonly name: string,
    packets: readonly (readonly [QuestionType, Buffer])[],
  ) {
    const { list } = table;
    this.queries = packets.map(([type, packet]) => new Query(this, name, type, packet));
    this.server = list.next % list.servers.length;
    list.next = this.server + 1;
  }

  /** Asks the next name server for a name; null if it cannot be a domain name. */
  static start(table: LookupOwner, name: string): Lookup | null {
    const packets: [QuestionType, Buffer][] = [];
    for (const type of table.options.types) {
      const packet = encodeQuery(name, type);
      if (packet === null) return null;
      packets.push([type, packet]);
    }
    const lookup = new Lookup(table, name, packets);
    table.list.report.count(table.options.types.includes(SRV) ? 'srv' : 'name');
    lookup.send();
    return lookup;
  }

  onResponse({ type }: Query, code: number, answer: Answer | null): void {
    if (code !== 0) this.code = code;
    if (answer !== null) {
      this.ttl = Math.min(this.ttl, answer.ttl);
      this.addresses.set(type, answer.addresses);
      if (answer.services.length > 0) this.services = answer.services;
    }
    if (this.queries.every(({ ended }) => ended)) this.complete(answer);
  }

  onTruncated(): void {
    this.startTimer();
  }

  /** Tries the other servers immediately, each once; then the next resend. */
  onLost(): void {
    if (++this.losses < this.table.list.servers.length) this.sendToNext();
  }

  /** Ends the lookup without a result. */
  end(): void {
    clearTimeout(this.timer);
    for (const query of this.queries) query.end();
    this.table.remove(this.name);
  }

  /** `last` is the answer that came last: only its alias is followed, as in nginx. */
  private complete(last: Answer | null): void {
    this.end();
    const { table, name, services } = this;
    const ipv4 = this.addresses.get(A) ?? NOTHING;
    const ipv6 = this.addresses.get(AAAA) ?? NOTHING;
    const found = ipv4.length + ipv6.length + services.length > 0;
    const alias = found ? null : (last?.alias ?? null);
    if (this.code !== 0 || (!found && alias === null)) {
      this.fail(last);
      return;
    }
    const expires = Date.now() + (table.options.valid ?? this.ttl * 1000);
    const record = { ipv4, ipv6, services, alias, expires };
    table.store(name, record);
    for (const wait of [...this.waits]) {
      if (alias === null) wait.settle({ code: 0, record, cached: false });
      else {
        wait.leave();
        table.followAlias(wait, alias);
      }
    }
  }

  private fail(last: Answer | null): void {
    const { table } = this;
    if (this.code === 0 && last !== null) {
      const isService = this.queries.every(({ type }) => type !== A && type !== AAAA);
      table.list.report.note(isService ? 'no SRV type in DNS response' : 'no A or CNAME types in DNS response');
    }
    const outcome = { code: this.code || HOST_NOT_FOUND, expires: table.errorExpiry() };
    for (const wait of [...this.waits]) wait.settle(outcome);
  }

  private send(): void {
    const unsent = this.queries.filter(({ ended }) => !ended);
    this.table.list.servers[this.server]?.send(unsent);
    this.startTimer();
  }

  private sendToNext(): void {
    this.server = (this.server + 1) % this.table.list.servers.length;
    this.send();
  }

  private startTimer(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.resend(), this.table.options.resend);
    this.timer.unref();
  }

  private resend(): void {
    if (this.waits.size === 0) {
      this.end();
      return;
    }
    this.losses = 0;
    this.sendToNext();
  }
}
