/**
 * The last request of a connection. Clients repeat requests with the same header block, which then need not be decoded, checked and
 * written again. The fields of a block also depend on the dynamic table, which must not have changed in between.
 */
import type { HttpExchange } from '../exchange/exchange.js';
import { admitRequest, routeAuthority, routeHost, routeTarget } from '../exchange/request-routing.js';
import { Field } from '../http/field-names.js';
import type { Refusal } from '../program/admission.js';
import type { ListenerProgram } from '../program/program.js';
import { ReadRequest } from './read-request.js';

/** Maximum size of a block that is kept, and of its fields, bytes. */
const MAX_BLOCK = 128;
const MAX_FIELDS = 1024;

export class RepeatedRequest extends ReadRequest {
  /** Generation of the configuration with which it was checked: a reference to the configuration would retain it. */
  private generation = -1;
  private ended = false;
  private bytes: Buffer | null = null;
  /** Size of the block, bytes; 0 if none is kept. */
  private length = 0;
  /** `HpackDecoder.changes` when it was decoded. */
  private changes = 0;

  /** Whether a block equals that of the request, and has the same fields; `changes` is `HpackDecoder.changes`. */
  matches(block: Buffer, start: number, end: number, changes: number): boolean {
    const { bytes, length } = this;
    if (bytes === null || length !== end - start || changes !== this.changes) return false;
    for (let i = 0; i < length; i++) if (bytes[i] !== block[start + i]) return false;
    return true;
  }

  /** Whether an equal block means the same request for an exchange; `ended` as in `RequestFields.apply`. */
  isFor(x: HttpExchange, ended: boolean): boolean {
    return this.generation === x.generation && this.ended === ended;
  }

  /** Keeps a request that was accepted for an exchange, and whose block has not changed the dynamic table. */
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

  /** Applies it to the exchange of a further request; returns the reason to refuse the request, or null. */
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
