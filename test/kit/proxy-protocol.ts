/** Headers of the PROXY protocol, version 2, as byte strings; valid or not. */

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

export interface HeaderV2 {
  /** 1: PROXY, 0: LOCAL. */
  readonly command?: number;
  readonly version?: number;
  /** Family and transport: 0x11 is TCP over IPv4. */
  readonly family?: number;
  /** Addresses, ports and TLVs. */
  readonly body?: string;
  /** Default: the length of the body. */
  readonly length?: number;
}

export function uint16(number: number): string {
  return String.fromCharCode((number >> 8) & 255, number & 255);
}

export function tlv(type: number, value: string): string {
  return String.fromCharCode(type) + uint16(value.length) + value;
}

export function headerV2({ command = 1, version = 2, family = 0x11, body = '', length }: HeaderV2): string {
  return `${SIGNATURE}${String.fromCharCode(version * 16 + command, family)}${uint16(length ?? body.length)}${body}`;
}

/** Addresses of TCP over IPv4: 192.0.2.1:4321 to 198.51.100.2:443. */
export const INET_ADDRESSES = `\xc0\x00\x02\x01\xc6\x33\x64\x02${uint16(4321)}${uint16(443)}`;
/** Addresses of TCP over IPv6: [2001:db8::7]:4321 to [::ffff:10.0.0.1]:443. */
export const INET6_ADDRESSES = `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x07${'\0'.repeat(10)}\xff\xff\x0a\x00\x00\x01${uint16(4321)}${uint16(443)}`;

/** A field `ssl` of a client with a certificate. */
export const SSL_FIELD = tlv(
  0x20,
  `\x07\0\0\x01\x02${tlv(0x21, 'TLSv1.3')}${tlv(0x22, 'client.example')}${tlv(0x23, 'TLS_AES_128_GCM_SHA256')}${tlv(0x24, 'RSA-SHA256')}${tlv(0x25, 'RSA2048')}`,
);
