/**
 * The last request of a connection: clients repeat requests with the same header block, which then need not be decoded, checked and
 * written again. The fields of a block depend on the dynamic table as well, so that it must not have changed in between.
 */
import type { HttpExchange } from '../exchange/exchange.js';
import { admitRequest, routeAuthority, routeHost, routeTarget } from '../exchange/request-routing.js';
import { Field } from '../http/field-names.js';
import { HeaderBlock } from '../http/header-block.js';
import type { RequestHead } from '../http/request-head.js';
import type { Refusal } from '../program/admission.js';
import type { ListenerProgram } from '../program/program.js';

/** Maximum size of a block that is kept, and of its fields, bytes. */
const MAX_BLOCK = 128;
const MAX_FIELDS = 1024;

/** A valid request whose fields were read. */
export interface ReadRequest extends RequestHead {
  readonly headers: HeaderBlock;
  /** Value of `:authority`; null if there was none. */
  readonly host: string | null;
}

export class RepeatedRequest implements ReadRequest {
  method = '';
  requestLine = '';
  target = '';
  query = -1;
  complex = false;
  readonly emptyPath = false;
  readonly authority = null;
  readonly version = 20;
  headers = NO_FIELDS;
  contentLength = 0;
  host: string | null = null;
  /** Of the configuration with which it was checked: a reference to that would keep it alive. */
  private generation = -1;
  private ended = false;
  private bytes: Buffer | null = null;
  /** Bytes of the block; 0: none is kept. */
  private length = 0;
  /** `HpackDecoder.changes` when it was decoded. */
  private changes = 0;

  /** Whether a block is that of the request. `changes`: `HpackDecoder.changes`. */
  matches(block: Buffer, start: number, end: number, changes: number): boolean {
    const { bytes, length } = this;
    if (bytes === null || length !== end - start || changes !== this.changes) return false;
    for (let i = 0; i < length; i++) if (bytes[i] !== block[start + i]) return false;
    return true;
  }

  /** Whether the same block is the same request for an exchange; `ended` as in `RequestFields.apply`. */
  isFor(x: HttpExchange, ended: boolean): boolean {
    return this.generation === x.generation && this.ended === ended;
  }

  /** Keeps the request of an exchange, which was accepted. Its block has not changed the dynamic table. */
  keep(
    request: ReadRequest,
    x: HttpExchange,
    ended: boolean,
    block: Buffer,
    start: number,
    end: number,
    changes: number,
  ): void {
    this.length = 0;
    if (end - start > MAX_BLOCK || request.headers.text.length > MAX_FIELDS) return;
    const bytes = (this.bytes ??= Buffer.allocUnsafeSlow(MAX_BLOCK));
    this.length = block.copy(bytes, 0, start, end);
    this.changes = changes;
    this.generation = x.generation;
    this.ended = ended;
    this.method = request.method;
    this.requestLine = request.requestLine;
    this.target = request.target;
    this.query = request.query;
    this.complex = request.complex;
    this.headers = request.headers;
    this.contentLength = request.contentLength;
    this.host = request.host;
  }

  /** Applies it to the exchange of a further request; returns the reason to refuse that, or null. */
  apply(x: HttpExchange, program: ListenerProgram): Refusal | null {
    // The first exchange may have changed its fields.
    const headers = this.headers.copy();
    headers.restore();
    x.headers = headers;
    x.version = 20;
    x.method = this.method;
    return this.route(x, program) ?? routeTarget(x, this, program) ?? admitRequest(x, this);
  }

  private route(x: HttpExchange, program: ListenerProgram): Refusal | null {
    if (this.host !== null) return routeAuthority(x, this.host, program);
    return routeHost(x, this.headers.valueOf(Field.Host) ?? '', program);
  }
}

const NO_FIELDS = new HeaderBlock();
