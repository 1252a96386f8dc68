/**
 * Records of requests: details that subscribers may request later. They exist only while a subscriber needs them. Texts are
 * byte strings, and not redacted.
 */
import type { Transport, TransportOwner } from '../net/transport.js';
import type { FieldLine, TryRow } from './rows.js';

/** Address to connect to. */
export type ConnectAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Opens connections as a request did. */
export interface Connector {
  open(address: ConnectAddress, owner: TransportOwner): Transport;
  /** Checks an established connection. Returns the reason to refuse it, or null. */
  refusal(transport: Transport): string | null;
}

/** Maximum number of records of ended requests, and of their characters. */
const MAX_RECORDS = 1000;
const MAX_SIZE = 16 << 20;
/** Characters that a record needs without its texts, approximately. */
const BASE_SIZE = 1000;
/** Maximum number of lines of the error log and of redirects of a record. */
const MAX_LINES = 100;
const MAX_LINE = 4096;

export interface RecordedHead {
  /** Request line or status line. */
  readonly line: string;
  readonly fields: readonly FieldLine[];
}

export interface RecordedLine {
  /** ms since 1970. */
  readonly time: number;
  readonly level: string;
  readonly message: string;
}

/** A server or location, and the reason for its selection. */
export interface RecordedMatch {
  readonly name: string;
  readonly reason: string;
}

const UNKNOWN: RecordedMatch = { name: '', reason: '' };

export class RequestRecord {
  ended = false;
  request: RecordedHead | null = null;
  upstreamResponse: RecordedHead | null = null;
  /** Heads as they were sent; empty if none was. */
  upstreamRequest = '';
  response = '';
  server: RecordedMatch = UNKNOWN;
  location: RecordedMatch = UNKNOWN;
  readonly redirects: string[] = [];
  variables: readonly FieldLine[] = [];
  readonly log: RecordedLine[] = [];
  tries: readonly TryRow[] = [];
  /** Opens a connection as the last attempt did, also to another address; null: the request was not passed on. */
  connector: Connector | null = null;
  /** Updates the record of a request that has not ended. */
  refresh: (() => void) | null = null;

  constructor(readonly id: string) {}

  addLine(level: string, message: string): void {
    if (this.log.length < MAX_LINES) this.log.push({ time: Date.now(), level, message: message.slice(0, MAX_LINE) });
  }

  addRedirect(uri: string): void {
    if (this.redirects.length < MAX_LINES) this.redirects.push(uri);
  }

  /** Characters, approximately. */
  get size(): number {
    let size = BASE_SIZE + this.upstreamRequest.length + this.response.length;
    for (const head of [this.request, this.upstreamResponse]) {
      for (const [name, value] of head?.fields ?? []) size += name.length + value.length;
    }
    for (const [name, value] of this.variables) size += name.length + value.length;
    for (const { message } of this.log) size += message.length;
    for (const uri of this.redirects) size += uri.length;
    return size;
  }
}

/** The latest records of a process. */
export class Records {
  private readonly byId = new Map<string, RequestRecord>();
  /** Sizes of the records that have ended. */
  private readonly sizes = new Map<string, number>();
  private total = 0;

  add(record: RequestRecord): void {
    this.byId.set(record.id, record);
    while (this.byId.size > MAX_RECORDS) this.dropOldest();
  }

  /** Called when a request has ended, and its record no longer changes. */
  ended({ id, size }: RequestRecord): void {
    if (!this.byId.has(id)) return;
    this.total += size - (this.sizes.get(id) ?? 0);
    this.sizes.set(id, size);
    while (this.total > MAX_SIZE) this.dropOldest();
  }

  find(id: string): RequestRecord | undefined {
    const record = this.byId.get(id);
    record?.refresh?.();
    return record;
  }

  private dropOldest(): void {
    for (const id of this.byId.keys()) {
      this.byId.delete(id);
      this.total -= this.sizes.get(id) ?? 0;
      this.sizes.delete(id);
      return;
    }
    this.total = 0;
  }

  clear(): void {
    this.byId.clear();
    this.sizes.clear();
    this.total = 0;
  }
}
