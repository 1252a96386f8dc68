/** Headers of the PROXY protocol for connections to upstreams. nginx: ngx_proxy_protocol_write, …_v2_write. */
import { inetBytes } from './inet-address.js';
import { INET, INET6, PROXY_COMMAND, SIGNATURE, STREAM, TLV, V2_PREFIX } from './proxy-protocol.js';

/** Addresses of a client's connection; one that is no IP address is that of a unix domain socket. */
export interface ConnectionAddresses {
  readonly address: string;
  readonly port: number;
  readonly serverAddress: string;
  readonly serverPort: number;
}

/** A field of version 2. */
export interface TlvValue {
  readonly type: number;
  readonly value: Buffer;
}

/**
 * Header of version 1. Addresses of different families are written as IPv6, because receivers accept only addresses of
 * one family.
 */
export function writeV1({ address, port, serverAddress, serverPort }: ConnectionAddresses): string {
  const source = inetBytes(address);
  const destination = inetBytes(serverAddress);
  if (source === null || destination === null) return 'PROXY UNKNOWN\r\n';
  const v6 = source.length === 16 || destination.length === 16;
  const text = (bytes: readonly number[], ip: string): string => (v6 && bytes.length === 4 ? `::ffff:${ip}` : ip);
  const addresses = `${text(source, address)} ${text(destination, serverAddress)}`;
  return `PROXY TCP${v6 ? 6 : 4} ${addresses} ${port} ${serverPort}\r\n`;
}

/** Header of version 2, with a checksum; of the command LOCAL if there are no addresses. */
export function writeV2(
  { address, port, serverAddress, serverPort }: ConnectionAddresses,
  tlvs: readonly TlvValue[],
): Buffer {
  const source = inetBytes(address);
  const destination = inetBytes(serverAddress);
  const prefix = Buffer.alloc(V2_PREFIX);
  SIGNATURE.copy(prefix);
  const parts: Buffer[] = [prefix];
  if (source === null || destination === null) prefix[12] = 0x20;
  else {
    const v6 = source.length === 16 || destination.length === 16;
    prefix[12] = 0x20 | PROXY_COMMAND;
    prefix[13] = ((v6 ? INET6 : INET) << 4) | STREAM;
    const ports = Buffer.alloc(4);
    ports.writeUInt16BE(port, 0);
    ports.writeUInt16BE(serverPort, 2);
    for (const bytes of [source, destination]) {
      if (v6 && bytes.length === 4) parts.push(MAPPED);
      parts.push(Buffer.from(bytes));
    }
    parts.push(ports);
  }
  for (const tlv of tlvs) parts.push(encodeTlv(tlv));
  parts.push(encodeTlv({ type: TLV.crc32c, value: Buffer.alloc(4) }));
  const header = Buffer.concat(parts);
  header.writeUInt16BE(header.length - V2_PREFIX, 14);
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}

/** The prefix of IPv4 addresses as IPv6 addresses (RFC 4291 2.5.5.2). */
const MAPPED = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

export function encodeTlv({ type, value }: TlvValue): Buffer {
  const start = Buffer.from([type, 0, 0]);
  start.writeUInt16BE(value.length, 1);
  return Buffer.concat([start, value]);
}

/** CRC-32C (Castagnoli; RFC 9260 B) of all bytes. */
export function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
