/** A socket to one name server, with the queries that it carries. */
import { DnsError, InvalidResponse, type QuestionType, type Response, readAnswer, readResponse } from './message.js';
import type { Query, QueryCarrier } from './query.js';
import { eventOfCode, type ResolverReport } from './statistics.js';

/** Creator of a channel. */
export interface ChannelOwner {
  readonly report: ResolverReport;
  /** Sends a query over TCP. */
  sendAgain(query: Query): void;
  /** The channel is closed. */
  closed(channel: Channel): void;
}

/** Base of UDP sockets and TCP connections: matches responses with queries. Closed when it carries no query. */
export abstract class Channel implements QueryCarrier {
  private readonly queries = new Map<string, Query>();

  constructor(protected readonly owner: ChannelOwner) {}

  /** Sends a query, and expects its response. */
  send(query: Query): void {
    this.queries.set(keyOf(query.name, query.type), query);
    query.carriers.add(this);
    this.transmit(query.packet);
  }

  forget(query: Query): void {
    this.queries.delete(keyOf(query.name, query.type));
    if (this.queries.size === 0) this.close();
  }

  protected abstract transmit(packet: Buffer): void;
  protected abstract destroy(): void;

  /** Processes a message from the server. Messages that do not answer a query are logged, and ignored. */
  protected receive(message: Buffer, overTcp: boolean): void {
    const { report } = this.owner;
    try {
      const response = readResponse(message, overTcp, (id) => this.nameOf(id));
      const query = this.queryOf(response);
      if (response.truncated) {
        query.tcp = true;
        this.owner.sendAgain(query);
        query.carriers.delete(this);
        this.forget(query);
        query.owner.onTruncated();
        return;
      }
      const { code, count } = response;
      report.count(eventOfCode(code));
      const answer = code !== 0 || count === 0 ? null : readAnswer(message, response, (text) => report.note(text));
      query.end();
      query.owner.onResponse(query, code, answer);
    } catch (error) {
      if (!(error instanceof InvalidResponse)) throw error;
      report.note(error.message);
      // A message that does not answer a pending query may be forged.
      if (error instanceof DnsError && this.nameOf(error.id) !== undefined) report.count(eventOfCode(error.code));
    }
  }

  /** Closes the socket after an error; its queries are lost. */
  protected fail(): void {
    const lost = [...this.queries.values()];
    this.queries.clear();
    this.close();
    for (const query of lost) query.carriers.delete(this);
    for (const owner of new Set(lost.map((query) => query.owner))) owner.onLost();
  }

  private close(): void {
    this.destroy();
    this.owner.closed(this);
  }

  private queryOf({ name, type, id }: Response): Query {
    const query = this.queries.get(keyOf(name, type));
    if (query === undefined) throw new InvalidResponse(`unexpected DNS response for ${name}`);
    if (query.id !== id) {
      throw new InvalidResponse(`wrong ident ${id} in DNS response for ${name}, expect ${query.id}`);
    }
    return query;
  }

  private nameOf(id: number): string | undefined {
    for (const query of this.queries.values()) if (query.id === id) return query.name;
    return undefined;
  }
}

function keyOf(name: string, type: QuestionType): string {
  return `${type} ${name}`;
}
