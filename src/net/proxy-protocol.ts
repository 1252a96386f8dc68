/**
 * PROXY protocol, versions 1 and 2: the header before the first byte of a connection, in which a proxy passes on the
 * addresses of its client (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt). As in nginx, addresses of
 * version 1 are not validated beyond their characters, and headers without addresses of TCP (UNKNOWN, LOCAL, UNSPEC, UDP,
 * unix domain sockets) are accepted and have no effect. nginx: ngx_proxy_protocol.c.
 */
import { ipText } from '../config/cidr.js';

/** Addresses of a connection as reported by a proxy. */
export interface ProxyHeader {
  readonly address: string;
  readonly port: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  /** The fields after the addresses, as received; empty in version 1. */
  readonly tlvs: Buffer;
}

/** A complete header. */
export interface CompleteHeader {
  /** Number of bytes, including the signature. */
  readonly length: number;
  /** Null if the header has no addresses of TCP. */
  readonly header: ProxyHeader | null;
}

/** Maximum lengths in bytes, as in nginx. */
export const MAX_V1 = 107;
export const MAX_V2 = 4096;
/** Length of the part of version 2 that is always there. */
export const V2_PREFIX = 16;

export const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
export const PROXY_COMMAND = 1;
export const STREAM = 1;
export const INET = 1;
export const INET6 = 2;

const V1_START = Buffer.from('PROXY ');
const UNKNOWN = Buffer.from('PROXY UNKNOWN');
const CRLF = Buffer.from('\r\n');
const CR = 13;
const LF = 10;
const NO_TLVS = Buffer.alloc(0);

/** Characters of addresses are checked only, and ports are decimal numbers. */
const V1_TCP = /^PROXY TCP[46] ([0-9A-Fa-f:.]*) ([0-9A-Fa-f:.]*) ([0-9]+) ([0-9]+)\r\n$/;

/**
 * Parses the header at the beginning of `bytes`, which are all bytes received so far. Null: more bytes are needed. A
 * string is nginx's message for an invalid header, which is returned as soon as no further bytes can make it valid.
 */
export function readProxyHeader(bytes: Buffer): CompleteHeader | string | null {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < V2_PREFIX ? null : readV2(bytes);
  if (startsLike(bytes, V1_START)) return readV1(bytes);
  return broken(bytes);
}

/** nginx's message for a header that cannot be parsed, with its first line. */
export function broken(bytes: Buffer): string {
  let end = 0;
  while (end < bytes.length && bytes[end] !== CR && bytes[end] !== LF) end++;
  return `broken header: "${bytes.latin1Slice(0, end)}"`;
}

/** Whether `bytes` start with `expected`, or are the beginning of it. */
function startsLike(bytes: Buffer, expected: Buffer): boolean {
  const length = Math.min(bytes.length, expected.length);
  return bytes.compare(expected, 0, length, 0, length) === 0;
}

function readV1(bytes: Buffer): CompleteHeader | string | null {
  const limited = bytes.subarray(0, MAX_V1);
  if (!startsLike(bytes, UNKNOWN)) {
    const end = limited.indexOf(LF);
    if (end >= 0) return parseTcp(bytes, end + 1);
  } else {
    const end = limited.indexOf(CRLF);
    if (end >= UNKNOWN.length) return { length: end + CRLF.length, header: null };
  }
  return bytes.length < MAX_V1 ? null : broken(bytes);
}

function parseTcp(bytes: Buffer, length: number): CompleteHeader | string {
  const [, address, serverAddress, port, serverPort] = V1_TCP.exec(bytes.latin1Slice(0, length)) ?? [];
  if (address === undefined || serverAddress === undefined) return broken(bytes);
  const ports = [Number(port), Number(serverPort)] as const;
  if (ports[0] > 65535 || ports[1] > 65535) return broken(bytes);
  return { length, header: { address, port: ports[0], serverAddress, serverPort: ports[1], tlvs: NO_TLVS } };
}

function readV2(bytes: Buffer): CompleteHeader | string | null {
  const version = (bytes[12] as number) >> 4;
  if (version !== 2) return `unknown PROXY protocol version: ${version}`;
  const length = V2_PREFIX + bytes.readUInt16BE(14);
  if (length > MAX_V2) return 'header is too large';
  if (bytes.length < length) return null;
  const command = (bytes[12] as number) & 15;
  const family = (bytes[13] as number) >> 4;
  const transport = (bytes[13] as number) & 15;
  const size = family === INET ? 4 : 16;
  if (command !== PROXY_COMMAND || transport !== STREAM || (family !== INET && family !== INET6)) {
    return { length, header: null };
  }
  const tlvs = V2_PREFIX + 2 * size + 4;
  // nginx closes the connection without a message.
  if (tlvs > length) return 'broken header: addresses are truncated';
  const ip = (at: number): string => ipText([...bytes.subarray(at, at + size)]);
  const header = {
    address: ip(V2_PREFIX),
    port: bytes.readUInt16BE(tlvs - 4),
    serverAddress: ip(V2_PREFIX + size),
    serverPort: bytes.readUInt16BE(tlvs - 2),
    tlvs: tlvs === length ? NO_TLVS : Buffer.from(bytes.subarray(tlvs, length)),
  };
  return { length, header };
}

// -- type-length-value fields of version 2

/** Types of fields. */
export const TLV = { alpn: 0x01, authority: 0x02, crc32c: 0x03, unique_id: 0x05, ssl: 0x20, netns: 0x30 } as const;
/** Types of fields within `ssl`. */
export const SSL_TLV = { version: 0x21, cn: 0x22, cipher: 0x23, sig_alg: 0x24, key_alg: 0x25 } as const;

/** nginx has no name for the checksum. */
const TLVS: ReadonlyMap<string, number> = new Map(Object.entries(TLV).filter(([name]) => name !== 'crc32c'));
const SSL_TLVS: ReadonlyMap<string, number> = new Map(Object.entries(SSL_TLV));

/** Length of the fixed part of the field `ssl`: flags, and the result of verification. */
export const SSL_PREFIX = 5;

/** A field: `ssl_` selects one within `ssl`, `0x…` gives the type as a number. */
export interface TlvName {
  readonly insideSsl: boolean;
  /** SSL_VERIFY: the number in `ssl_verify`. NO_TYPE: there is no such field. */
  readonly type: number;
  /** nginx's message for NO_TYPE. */
  readonly mistake: string;
}

const SSL_VERIFY = -1;
const NO_TYPE = -2;

/** Parses the rest of `$proxy_protocol_tlv_NAME`. */
export function parseTlvName(name: string): TlvName {
  const insideSsl = name.startsWith('ssl_');
  const own = insideSsl ? name.slice(4) : name;
  if (insideSsl && own === 'verify') return { insideSsl, type: SSL_VERIFY, mistake: '' };
  if (own.startsWith('0x')) {
    if (/^0x[0-9a-f]+$/i.test(own)) return { insideSsl, type: Number.parseInt(own, 16), mistake: '' };
    return { insideSsl, type: NO_TYPE, mistake: `invalid PROXY protocol TLV "${name}"` };
  }
  const type = (insideSsl ? SSL_TLVS : TLVS).get(own);
  if (type !== undefined) return { insideSsl, type, mistake: '' };
  return { insideSsl, type: NO_TYPE, mistake: `unknown PROXY protocol TLV "${name}"` };
}

/** Value of a field; undefined: absent. Throws TlvError if there is no such field, or those before it are malformed. */
export function findTlv(tlvs: Buffer, { insideSsl, type, mistake }: TlvName): Buffer | undefined {
  let fields = tlvs;
  if (insideSsl) {
    const ssl = find(tlvs, TLV.ssl);
    if (ssl === undefined || ssl.length < SSL_PREFIX) return undefined;
    if (type === SSL_VERIFY) return Buffer.from(String(ssl.readUInt32BE(1)));
    fields = ssl.subarray(SSL_PREFIX);
  }
  if (type === NO_TYPE) throw new TlvError(mistake);
  return find(fields, type);
}

/** The message is nginx's. */
export class TlvError extends Error {}

function find(tlvs: Buffer, type: number): Buffer | undefined {
  let at = 0;
  while (at < tlvs.length) {
    const start = at + 3;
    const end = start > tlvs.length ? start : start + tlvs.readUInt16BE(at + 1);
    if (end > tlvs.length) throw new TlvError('broken PROXY protocol TLV');
    if (tlvs[at] === type) return tlvs.subarray(start, end);
    at = end;
  }
  return undefined;
}
