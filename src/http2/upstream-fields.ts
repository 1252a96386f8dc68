/** Collects the fields of a response's head or trailers, and checks them as nginx does (RFC 9113 8.2, 8.3.2). */
import { Field } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import type { FieldReceiver } from './hpack/field-receiver.js';

const INVALID_NAME = /[\0-\x20A-Z:\x7f]/;
const INVALID_VALUE = /[\0\r\n]/;
const STATUS = /^[0-9]{3}$/;

export class UpstreamFields implements FieldReceiver {
  /** Of `:status`; 0: there is none. */
  status = 0;
  /** The first error, in nginx's words; null: there is none. */
  error: string | null = null;
  private trailers = false;
  private limit = 0;
  /** Field lines, with the offsets of their names and values. */
  private text = '';
  private readonly offsets: number[] = [];
  private count = 0;

  /** Begins a list of at most `limit` bytes. `trailers`: it follows the body. */
  begin(trailers: boolean, limit: number): void {
    this.status = 0;
    this.error = null;
    this.trailers = trailers;
    this.limit = limit;
    this.text = '';
    this.count = 0;
  }

  field(name: string, value: string, number: number): void {
    if (this.error !== null) return;
    if (name.charCodeAt(0) === 58) this.pseudo(name, value);
    else if (!this.trailers && this.status === 0) this.error = 'upstream sent no :status header';
    else if (INVALID_NAME.test(name) || INVALID_VALUE.test(value)) {
      this.error = `upstream sent invalid header: "${name}: ${value}"`;
    } else if (!isOfConnection(number)) this.add(name, value);
  }

  private pseudo(name: string, value: string): void {
    if (this.trailers) this.error = `upstream sent invalid trailer "${name}: ${value}"`;
    else if (name !== ':status') this.error = `upstream sent invalid header "${name}: ${value}"`;
    else if (this.status !== 0) this.error = 'upstream sent duplicate :status header';
    else if (!STATUS.test(value)) this.error = `upstream sent invalid :status "${value}"`;
    else {
      const status = Number(value);
      // HTTP/2 has no 101 (RFC 9113 8.6).
      if (status < 100 || status === 101) this.error = `upstream sent unexpected :status "${value}"`;
      else this.status = status;
    }
  }

  private add(name: string, value: string): void {
    const start = this.text.length;
    const valueStart = start + name.length + 2;
    if (valueStart + value.length + 2 > this.limit) {
      this.error = 'upstream sent too big header';
      return;
    }
    this.text += `${name}: ${value}\r\n`;
    const i = this.count++ * 2;
    this.offsets[i] = start;
    this.offsets[i + 1] = valueStart;
  }

  /** Ends the list; returns the first error, or null. */
  end(): string | null {
    if (this.error === null && !this.trailers && this.status === 0) this.error = 'upstream sent no :status header';
    return this.error;
  }

  /** Field lines, each terminated by CRLF. */
  get lines(): string {
    return this.text;
  }

  /** Fills a block with the fields. */
  fill(block: HeaderBlock): void {
    const { offsets, text, count } = this;
    block.begin(text);
    for (let i = 0; i < count; i++) {
      const valueStart = offsets[i * 2 + 1] as number;
      const end = i + 1 < count ? (offsets[i * 2 + 2] as number) : text.length;
      block.push(offsets[i * 2] as number, valueStart - 2, valueStart, end - 2);
    }
  }
}

/** Whether the field describes a connection, which HTTP/2 does not permit (RFC 9113 8.2.2): it is ignored. */
function isOfConnection(number: number): boolean {
  switch (number) {
    case Field.Connection:
    case Field.KeepAlive:
    case Field.ProxyConnection:
    case Field.TransferEncoding:
    case Field.Upgrade:
      return true;
    default:
      return false;
  }
}
