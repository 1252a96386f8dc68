/**
 * Reads the ClientHello of a TLS connection (RFC 8446 4.1.2) before the engine exists: the server name, ALPN and
 * versions select the server and its settings. The engine reads the same bytes again and judges them; here only the
 * structure is followed, and whatever is malformed has empty values.
 */

/** Result of `ClientHelloReader.add` while more bytes are needed. */
export const MORE = 0;
/** The message is complete, or is not a valid ClientHello: the engine decides. */
export const COMPLETE = 1;
/** The first byte is not that of a TLS record. */
export const PLAIN = 2;
/** The message is longer than MAX_HELLO. */
export const TOO_LONG = 3;

/** Maximum length of a ClientHello, bytes. */
const MAX_HELLO = 16384;
/** Maximum number of bytes with record headers; with one byte per record there are five of header for each. */
const MAX_RECORDS = 6 * MAX_HELLO;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
/** Maximum length of a record (RFC 8446 5.1). */
const MAX_RECORD = 16384;
const EMPTY = Buffer.alloc(0);
const NO_NAMES: readonly string[] = [];
const NO_NUMBERS: readonly number[] = [];

// Extensions (IANA TLS ExtensionType values).
const SERVER_NAME = 0;
const SUPPORTED_GROUPS = 10;
const SIGNATURE_ALGORITHMS = 13;
const ALPN = 16;
const SUPPORTED_VERSIONS = 43;
const KEY_SHARE = 51;

/** A client's offer. */
export interface ClientHello {
  /** Host name of the extension `server_name`, as sent; empty: none. */
  readonly serverName: string;
  /** Whether that extension is malformed. */
  readonly badServerName: boolean;
  /** ALPN names, preferred first. */
  readonly alpn: readonly string[];
  /** Versions as numbers: 0x0303 is TLS 1.2, 0x0304 TLS 1.3. */
  readonly versions: readonly number[];
  /** Whether `versions` includes a version. */
  offersVersion(version: number): boolean;
  /** Numbers of cipher suites, groups and signature algorithms, as sent. */
  readonly ciphers: readonly number[];
  readonly groups: readonly number[];
  readonly signatureAlgorithms: readonly number[];
  /** Numbers of the groups for which the client has sent keys (TLS 1.3). */
  readonly keyShares: readonly number[];
  /** Identifier of the session to resume in TLS 1.2 and older; empty: none. */
  readonly sessionId: Buffer;
}

export class ClientHelloReader {
  /** All bytes received so far; those of a single read are borrowed. */
  bytes: Buffer = EMPTY;
  private owned: Buffer = EMPTY;
  /** Offset of the header of the first incomplete record. */
  private at = 0;
  /** Length of the message in complete records. */
  private collected = 0;
  /** Length of the whole message; 0: not known yet. */
  private wanted = 0;

  /** Adds borrowed bytes; to be called until the result is not MORE. */
  add(bytes: Buffer): typeof MORE | typeof COMPLETE | typeof PLAIN | typeof TOO_LONG {
    const held = this.bytes.length;
    if (held === 0) this.bytes = bytes;
    else this.append(bytes, held);
    const result = this.scan();
    if (result === MORE && held === 0) {
      this.bytes = EMPTY;
      this.append(bytes, 0);
    }
    return result;
  }

  private append(bytes: Buffer, held: number): void {
    const length = held + bytes.length;
    if (this.owned.length < length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(1024, length * 2));
      this.owned.copy(larger, 0, 0, held);
      this.owned = larger;
    }
    bytes.copy(this.owned, held);
    this.bytes = this.owned.subarray(0, length);
  }

  private scan(): typeof MORE | typeof COMPLETE | typeof PLAIN | typeof TOO_LONG {
    const { bytes } = this;
    const first = bytes[0] ?? 0;
    // SSLv2 hellos have the highest bit; the engine refuses them.
    if (first !== HANDSHAKE) return first >= 0x80 ? COMPLETE : PLAIN;
    for (;;) {
      const { at } = this;
      if (at + RECORD_HEADER > bytes.length) return this.limited();
      const length = bytes.readUInt16BE(at + 3);
      if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3 || length === 0 || length > MAX_RECORD) return COMPLETE;
      const available = Math.min(length, bytes.length - at - RECORD_HEADER);
      if (this.wanted === 0 && this.collected + available >= MESSAGE_HEADER) {
        // In nearly all cases the first record has the whole header.
        const whole = at === 0 && available >= MESSAGE_HEADER;
        const start = whole ? bytes.subarray(RECORD_HEADER) : message(bytes, MESSAGE_HEADER);
        if (start[0] !== CLIENT_HELLO) return COMPLETE;
        this.wanted = MESSAGE_HEADER + start.readUIntBE(1, 3);
        if (this.wanted > MAX_HELLO) return TOO_LONG;
      }
      if (this.wanted > 0 && this.collected + available >= this.wanted) return COMPLETE;
      if (available < length) return this.limited();
      this.at += RECORD_HEADER + length;
      this.collected += length;
    }
  }

  private limited(): typeof MORE | typeof TOO_LONG {
    return this.bytes.length > MAX_RECORDS ? TOO_LONG : MORE;
  }

  /** The client's offer, when the result was COMPLETE. */
  parse(): ClientHello {
    return parseHello(message(this.bytes, MAX_HELLO));
  }
}

/** The first bytes of the message, at most `most`, without record headers. */
function message(bytes: Buffer, most: number): Buffer {
  if (bytes.length > RECORD_HEADER && bytes[0] === HANDSHAKE) {
    const end = RECORD_HEADER + bytes.readUInt16BE(3);
    if (end >= bytes.length || end - RECORD_HEADER >= most)
      return bytes.subarray(RECORD_HEADER, Math.min(end, bytes.length));
  }
  const parts: Buffer[] = [];
  let length = 0;
  for (let at = 0; at + RECORD_HEADER <= bytes.length && bytes[at] === HANDSHAKE && length < most; ) {
    const end = at + RECORD_HEADER + bytes.readUInt16BE(at + 3);
    const part = bytes.subarray(at + RECORD_HEADER, Math.min(end, bytes.length));
    parts.push(part);
    length += part.length;
    at = end;
  }
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
}

/** Lists are kept as they were sent, two bytes per number: they are only needed by few variables. */
class ParsedHello implements ClientHello {
  serverName = '';
  badServerName = false;
  alpn: readonly string[] = NO_NAMES;
  versionBytes = '';
  cipherBytes = '';
  groupBytes = '';
  algorithmBytes = '';
  keyShares: readonly number[] = NO_NUMBERS;
  sessionId: Buffer = EMPTY;

  get versions(): readonly number[] {
    return numbers(this.versionBytes);
  }
  offersVersion(version: number): boolean {
    const { versionBytes } = this;
    for (let at = 0; at + 1 < versionBytes.length; at += 2) if (numberAt(versionBytes, at) === version) return true;
    return false;
  }
  get ciphers(): readonly number[] {
    return numbers(this.cipherBytes);
  }
  get groups(): readonly number[] {
    return numbers(this.groupBytes);
  }
  get signatureAlgorithms(): readonly number[] {
    return numbers(this.algorithmBytes);
  }
}

/** Parses a message; fields that are malformed, and those behind them, are empty. */
function parseHello(bytes: Buffer): ClientHello {
  const hello = new ParsedHello();
  try {
    parseInto(hello, bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return hello;
}

/** Throws RangeError where the bytes end too early. */
function parseInto(hello: ParsedHello, bytes: Buffer): void {
  if (bytes[0] !== CLIENT_HELLO) return;
  if (bytes.length < 6) return;
  hello.versionBytes = bytes.latin1Slice(4, 6);
  let at = 38;
  const idLength = bytes.readUInt8(at);
  if (idLength > 0) hello.sessionId = Buffer.from(bytes.subarray(at + 1, at + 1 + idLength));
  at += 1 + idLength;
  const ciphers = bytes.readUInt16BE(at);
  hello.cipherBytes = list(bytes, at + 2, ciphers);
  at += 2 + ciphers;
  at += 1 + bytes.readUInt8(at);
  if (at + 2 > bytes.length) return;
  const end = Math.min(bytes.length, at + 2 + bytes.readUInt16BE(at));
  at += 2;
  while (at + 4 <= end) {
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    at += 4;
    if (at + length > end) return;
    parseExtension(hello, type, bytes.subarray(at, at + length));
    at += length;
  }
}

function parseExtension(hello: ParsedHello, type: number, bytes: Buffer): void {
  switch (type) {
    case SERVER_NAME:
      parseServerName(hello, bytes);
      return;
    case ALPN:
      hello.alpn = alpnNames(bytes);
      return;
    case SUPPORTED_VERSIONS:
      hello.versionBytes = list(bytes, 1, bytes.readUInt8(0));
      return;
    case SUPPORTED_GROUPS:
      hello.groupBytes = list(bytes, 2, bytes.readUInt16BE(0));
      return;
    case KEY_SHARE:
      hello.keyShares = keyShares(bytes);
      return;
    case SIGNATURE_ALGORITHMS:
      hello.algorithmBytes = list(bytes, 2, bytes.readUInt16BE(0));
  }
}

/** One name of type 0 (RFC 6066 3), as OpenSSL and nginx accept it. */
function parseServerName(hello: ParsedHello, bytes: Buffer): void {
  const { length } = bytes;
  const valid =
    length >= 5 &&
    bytes.readUInt16BE(0) + 2 === length &&
    bytes[2] === 0 &&
    bytes.readUInt16BE(3) + 5 === length &&
    length - 5 <= 255 &&
    !bytes.subarray(5).includes(0);
  if (valid) hello.serverName = bytes.latin1Slice(5);
  else hello.badServerName = true;
}

function alpnNames(bytes: Buffer): string[] {
  const names: string[] = [];
  for (let at = 2; at < bytes.length; ) {
    const length = bytes.readUInt8(at);
    names.push(bytes.latin1Slice(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return names;
}

function keyShares(bytes: Buffer): number[] {
  const groups: number[] = [];
  for (let at = 2; at + 4 <= bytes.length; at += 4 + bytes.readUInt16BE(at + 2)) groups.push(bytes.readUInt16BE(at));
  return groups;
}

/** The bytes of a list of 16-bit numbers. Throws RangeError if it is longer than the message. */
function list(bytes: Buffer, from: number, length: number): string {
  const even = length - (length % 2);
  if (from + even > bytes.length) throw new RangeError('the list is incomplete');
  return bytes.latin1Slice(from, from + even);
}

function numberAt(bytes: string, at: number): number {
  return bytes.charCodeAt(at) * 256 + bytes.charCodeAt(at + 1);
}

function numbers(bytes: string): readonly number[] {
  const all: number[] = [];
  for (let at = 0; at + 1 < bytes.length; at += 2) all.push(numberAt(bytes, at));
  return all;
}
