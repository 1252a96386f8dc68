/**
 * The fields of a request's header block: checks them (RFC 9113 8.2 and 8.3) as strictly as nginx, and applies them to the
 * exchange. One object per connection serves all of its requests, because header blocks do not interleave.
 */
import type { HttpExchange } from '../exchange/exchange.js';
import { admitRequest, routeAuthority, routeHost, routeTarget } from '../exchange/request-routing.js';
import { Field } from '../http/field-names.js';
import { HeaderBlock } from '../http/header-block.js';
import { parseContentLength, SINGLE_FIELDS } from '../http1/request-reader.js';
import type { Refusal } from '../program/admission.js';
import { logError } from '../program/error-context.js';
import type { ListenerProgram } from '../program/program.js';
import { HANDSHAKE_METHOD, handshakeFields, refusedProtocol } from './extended-connect.js';
import type { FieldReceiver } from './hpack/field-receiver.js';
import { allowsHttp2 } from './http2-settings.js';
import { NO_FIELDS, ReadRequest } from './read-request.js';

const refused = (status: number, reason: string): Refusal => ({ status, reason });

/** Fields of a connection, which HTTP/2 does not have (RFC 9113 8.2.2), with their names in messages. */
const CONNECTION_FIELDS: readonly (readonly [id: number, name: string])[] = [
  [Field.Connection, 'Connection'],
  [Field.KeepAlive, 'Keep-Alive'],
  [Field.ProxyConnection, 'Proxy-Connection'],
  [Field.TransferEncoding, 'Transfer-Encoding'],
  [Field.Upgrade, 'Upgrade'],
];

// Classes of bytes in field names.
const VALID = 0;
const UNUSUAL = 1;
const UNDERSCORE = 2;
const FORBIDDEN = 3;
const NAME_BYTE = new Uint8Array(256).fill(UNUSUAL);
for (let c = 0; c < 256; c++) {
  if ((c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 45) NAME_BYTE[c] = VALID;
  else if (c === 95) NAME_BYTE[c] = UNDERSCORE;
  else if (c <= 32 || c === 127 || c === 58 || (c >= 65 && c <= 90)) NAME_BYTE[c] = FORBIDDEN;
}

export class RequestFields extends ReadRequest implements FieldReceiver {
  /** Value of `:scheme`. */
  scheme = '';
  /** Value of `:protocol` (RFC 8441); null if there is none, and if it is not allowed on the connection. */
  protocol: string | null = null;
  /** Whether the connection allows `:protocol`. */
  allowsProtocol = false;
  /** Whether an identical block means the same request: no field of it was logged, and it is no extended CONNECT. */
  repeatable = false;
  private cookies = '';
  private count = 0;
  private readonly names: string[] = [];
  private readonly values: string[] = [];
  private readonly numbers: number[] = [];

  /** Prepares for another block. */
  begin(): void {
    this.count = 0;
  }

  field(name: string, value: string, number: number): void {
    const i = this.count++;
    this.names[i] = name;
    this.values[i] = value;
    this.numbers[i] = number;
  }

  /** Whether the block has a pseudo-field, which trailers must not have (RFC 9113 8.1). */
  get hasPseudoFields(): boolean {
    for (let i = 0; i < this.count; i++) if ((this.names[i] as string).charCodeAt(0) === 58) return true;
    return false;
  }

  /** Releases the strings of the last block. */
  clear(): void {
    this.method = '';
    this.requestLine = '';
    this.target = '';
    this.host = null;
    this.cookies = '';
    this.headers = NO_FIELDS;
    this.names.length = 0;
    this.values.length = 0;
    this.numbers.length = 0;
    this.count = 0;
  }

  /** Applies the block to an exchange; `ended`: no body follows. Returns the reason to refuse the request, or null. */
  apply(x: HttpExchange, program: ListenerProgram, ended: boolean): Refusal | null {
    this.method = '';
    this.scheme = '';
    this.protocol = null;
    this.target = '';
    this.requestLine = '';
    this.host = null;
    this.cookies = '';
    this.contentLength = 0;
    this.repeatable = true;
    const headers = new HeaderBlock();
    this.headers = headers;
    x.headers = headers;
    x.version = 20;
    const refusal = this.readFields(x, program);
    this.writeBlock();
    return refusal ?? this.check(x, program, ended) ?? this.translate(x) ?? admitRequest(x, this);
  }

  /** Processes the fields in their order; those that are kept move to the front of the arrays. */
  private readFields(x: HttpExchange, program: ListenerProgram): Refusal | null {
    const { names, values, numbers, count } = this;
    let kept = 0;
    let lines = 0;
    let seen = 0;
    this.count = 0;
    for (let i = 0; i < count; i++) {
      const name = names[i] as string;
      const value = values[i] as string;
      const number = numbers[i] as number;
      const { server } = x;
      const quality = nameQuality(name, server.underscoresInHeaders);
      if (quality === FORBIDDEN) return refused(400, `client sent invalid header name: "${name}"`);
      if (hasForbiddenByte(value)) {
        return refused(400, `client sent header "${name}" with invalid value: "${value}"`);
      }
      if (name.charCodeAt(0) === 58) {
        const refusal = this.pseudoField(name, value, x, program);
        if (refusal !== null) return refusal;
        continue;
      }
      if (this.requestLine === '') {
        const refusal = this.pseudoFieldsEnd(x, program);
        if (refusal !== null) return refusal;
      }
      if (quality === UNUSUAL && server.ignoreInvalidHeaders) {
        logError(x, 'info', `client sent invalid header: "${name}" while reading client request headers`);
        this.repeatable = false;
        continue;
      }
      if (number === Field.Cookie) {
        this.cookies = this.cookies === '' ? value : `${this.cookies}; ${value}`;
        continue;
      }
      if (lines++ >= server.maxHeaders) return refused(494, 'client sent too many header lines');
      if (SINGLE_FIELDS[number] === true) {
        const bit = 2 ** number;
        if (Math.floor(seen / bit) % 2 === 1) return this.duplicate(name, value, number, kept);
        seen += bit;
      }
      names[kept] = name;
      values[kept] = value;
      numbers[kept++] = number;
      this.count = kept;
      if (number === Field.Host) {
        const refusal = routeHost(x, value, program);
        if (refusal !== null) return refusal;
      }
    }
    return this.requestLine === '' ? this.pseudoFieldsEnd(x, program) : null;
  }

  private duplicate(name: string, value: string, number: number, kept: number): Refusal {
    const what = number === Field.Host ? 'host header' : 'header line';
    const previous = this.numbers.indexOf(number);
    const before = previous < 0 || previous >= kept ? '' : `${this.names[previous]}: ${this.values[previous]}`;
    return refused(400, `client sent duplicate ${what}: "${name}: ${value}", previous value: "${before}"`);
  }

  // -- pseudo-fields

  private pseudoField(name: string, value: string, x: HttpExchange, program: ListenerProgram): Refusal | null {
    if (this.requestLine !== '') return refused(400, 'client sent out of order pseudo-headers');
    switch (name) {
      case ':method':
        return this.readMethod(value, x);
      case ':path':
        return this.readPath(value);
      case ':scheme':
        return this.readScheme(value);
      case ':authority':
        if (this.host !== null) return refused(400, 'client sent duplicate ":authority" header');
        this.host = value;
        return routeAuthority(x, value, program);
      case ':protocol':
        if (!this.allowsProtocol) break;
        if (this.protocol !== null) return refused(400, 'client sent duplicate ":protocol" header');
        this.protocol = value;
        return null;
      default:
        break;
    }
    return refused(400, `client sent unknown pseudo-header "${name}"`);
  }

  private readMethod(value: string, x: HttpExchange): Refusal | null {
    if (this.method !== '') return refused(400, 'client sent duplicate :method header');
    if (value === '') return refused(400, 'client sent empty :method header');
    for (let i = 0; i < value.length; i++) {
      const c = value.charCodeAt(i);
      if ((c < 65 || c > 90) && c !== 95 && c !== 45) return refused(400, `client sent invalid method: "${value}"`);
    }
    this.method = value;
    // Set now, so that a refused HEAD request gets a response without a body.
    x.method = value;
    return null;
  }

  private readPath(value: string): Refusal | null {
    if (this.target !== '') return refused(400, 'client sent duplicate :path header');
    if (value === '') return refused(400, 'client sent empty :path header');
    if (!this.scanPath(value)) return refused(400, `client sent invalid :path header: "${value}"`);
    this.target = value;
    return null;
  }

  /** Sets `query` and `complex`; returns false if the path is invalid. nginx: ngx_http_parse_uri. */
  private scanPath(value: string): boolean {
    let query = -1;
    let complex = false;
    let fragment = false;
    let slash = false;
    if (value.charCodeAt(0) !== 47) return false;
    for (let i = 0; i < value.length; i++) {
      const c = value.charCodeAt(i);
      if (c <= 32 || c === 127) return false;
      if (c === 35) complex = fragment = true;
      if (query < 0 && !fragment) {
        if (c === 63) query = i;
        else if (c === 37 || (slash && (c === 47 || c === 46))) complex = true;
      }
      slash = c === 47;
    }
    this.query = query;
    this.complex = complex;
    return true;
  }

  private readScheme(value: string): Refusal | null {
    if (this.scheme !== '') return refused(400, 'client sent duplicate :scheme header');
    if (value === '') return refused(400, 'client sent empty :scheme header');
    for (let i = 0; i < value.length; i++) {
      const c = value.charCodeAt(i);
      const lower = c | 32;
      if (lower >= 97 && lower <= 122) continue;
      if (i > 0 && ((c >= 48 && c <= 57) || c === 43 || c === 45 || c === 46)) continue;
      return refused(400, `client sent invalid :scheme header: "${value}"`);
    }
    this.scheme = value;
    return null;
  }

  /** The first other field, or the end of the block, follows: the request line is complete. */
  private pseudoFieldsEnd(x: HttpExchange, program: ListenerProgram): Refusal | null {
    if (this.method === '') return refused(400, 'client sent no :method header');
    if (this.scheme === '') return refused(400, 'client sent no :scheme header');
    if (this.target === '') return refused(400, 'client sent no :path header');
    if (this.protocol !== null) {
      const refusal = refusedProtocol(this.method, this.protocol);
      if (refusal !== null) return refusal;
      this.method = HANDSHAKE_METHOD;
      x.method = HANDSHAKE_METHOD;
    }
    this.requestLine = `${this.method} ${this.target} HTTP/2.0`;
    return routeTarget(x, this, program);
  }

  // -- the complete block

  /** Writes the kept fields, `Host` and `Cookie`, as nginx adds the latter two, to the block. */
  private writeBlock(): void {
    const { headers, names, values, numbers, host, cookies } = this;
    let { count } = this;
    if (host !== null && !numbers.slice(0, count).includes(Field.Host)) {
      names[count] = 'host';
      values[count] = host;
      numbers[count++] = Field.Host;
    }
    if (cookies !== '') {
      names[count] = 'cookie';
      values[count] = cookies;
      numbers[count++] = Field.Cookie;
    }
    let text = '';
    for (let i = 0; i < count; i++) text += `${names[i]}: ${values[i]}\r\n`;
    headers.begin(text);
    let at = 0;
    for (let i = 0; i < count; i++) {
      const nameEnd = at + (names[i] as string).length;
      const valueEnd = nameEnd + 2 + (values[i] as string).length;
      headers.pushNumbered(at, nameEnd, nameEnd + 2, valueEnd, numbers[i] as number);
      at = valueEnd + 2;
    }
  }

  /** Adds the fields of HTTP/1.1 to an extended CONNECT, which has no body. */
  private translate(x: HttpExchange): Refusal | null {
    if (this.protocol === null) return null;
    this.repeatable = false;
    if (this.headers.indexOf(Field.ContentLength) >= 0) {
      return refused(400, 'client sent "Content-Length" header with CONNECT');
    }
    this.contentLength = 0;
    this.headers = handshakeFields(this.headers);
    x.headers = this.headers;
    return null;
  }

  /** Checks the block as a whole. nginx: ngx_http_v2_run_request. */
  private check(x: HttpExchange, program: ListenerProgram, ended: boolean): Refusal | null {
    if (!allowsHttp2(program, x.server)) {
      const reason = 'client attempted to request the server name for which the negotiated protocol is disabled';
      return refused(421, reason);
    }
    const { headers, host } = this;
    for (const [id, name] of CONNECTION_FIELDS) {
      if (headers.indexOf(id) >= 0) return refused(400, `client sent "${name}" header`);
    }
    const te = headers.indexOf(Field.TE);
    if (te >= 0 && (!headers.valueIs(te, 'trailers') || headers.indexOf(Field.TE, te + 1) >= 0)) {
      return refused(400, 'client sent invalid "TE" header');
    }
    if (x.host === '') return refused(400, 'client sent neither ":authority" nor "Host" header');
    if (host !== null && headers.valueOf(Field.Host) !== host) {
      return refused(400, 'client sent ":authority" and "Host" headers with different values');
    }
    const length = headers.valueOf(Field.ContentLength);
    if (length === undefined) {
      this.contentLength = ended ? 0 : -1;
      return null;
    }
    const bytes = parseContentLength(length);
    if (bytes < 0) return refused(400, 'client sent invalid "Content-Length" header');
    if (bytes > 0 && ended) return refused(400, 'client prematurely closed stream');
    this.contentLength = bytes;
    return null;
  }
}

/** Returns FORBIDDEN, UNUSUAL (the field is dropped unless `ignore_invalid_headers` is off) or VALID. */
function nameQuality(name: string, underscores: boolean): number {
  let quality = VALID;
  for (let i = name.charCodeAt(0) === 58 ? 1 : 0; i < name.length; i++) {
    const byte = NAME_BYTE[name.charCodeAt(i)] as number;
    if (byte === VALID || (byte === UNDERSCORE && underscores)) continue;
    if (byte === FORBIDDEN) return FORBIDDEN;
    quality = UNUSUAL;
  }
  return name === '' ? FORBIDDEN : quality;
}

/** Whether a value contains NUL, CR or LF. */
function hasForbiddenByte(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c <= 13 && (c === 0 || c === 10 || c === 13)) return true;
  }
  return false;
}
