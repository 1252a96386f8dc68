/** Headers of the PROXY protocol: the number of bytes that have arrived does not change what they mean. */
import assert from 'node:assert/strict';
import { findTlv, MAX_V2, parseTlvName, readProxyHeader, TlvError } from '../../src/net/proxy-protocol.js';
import { headerV2, INET_ADDRESSES, INET6_ADDRESSES, SSL_FIELD, tlv } from '../kit/proxy-protocol.js';
import { type FuzzTarget, mutatedBytes, places } from './target.js';

const HEADERS = [
  'PROXY TCP4 192.0.2.1 198.51.100.2 4321 443\r\nGET / HTTP/1.1\r\n\r\n',
  'PROXY TCP6 2001:db8::7 ::ffff:10.0.0.1 4321 443\r\n\x16\x03\x01',
  'PROXY UNKNOWN\r\n',
  'PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\nx',
  headerV2({ body: INET_ADDRESSES }),
  headerV2({ family: 0x21, body: INET6_ADDRESSES + tlv(1, 'h2') }),
  headerV2({ body: INET_ADDRESSES + tlv(4, '\0\0') + SSL_FIELD }),
  headerV2({ command: 0, family: 0, body: 'abc' }),
];
const WORDS = [
  'PROXY ',
  'TCP4 ',
  'TCP6 ',
  'UNKNOWN',
  '\r\n',
  '\n',
  ' ',
  '65535',
  '65536',
  '\0',
  '\x20',
  '\x21',
  '\x11',
  '\xff\xff',
];
const NAMES = ['alpn', 'ssl_cn', 'ssl_verify', '0x04', 'ssl_0x25'].map(parseTlvName);

export function checkProxyHeader(text: string, cuts: readonly number[]): void {
  const bytes = Buffer.from(text, 'latin1');
  const whole = readProxyHeader(bytes);
  for (const cut of cuts) {
    const part = readProxyHeader(bytes.subarray(0, cut % (bytes.length + 1)));
    if (part === null) continue;
    if (typeof part === 'string') assert.equal(typeof whole, 'string');
    else assert.deepEqual(part, whole);
  }
  if (whole === null) assert.ok(bytes.length < MAX_V2);
  if (whole === null || typeof whole === 'string') return;
  assert.ok(whole.length <= bytes.length && whole.length <= MAX_V2);
  assert.equal(readProxyHeader(bytes.subarray(0, whole.length - 1)), null);
  if (whole.header === null) return;
  for (const name of NAMES) {
    try {
      findTlv(whole.header.tlvs, name);
    } catch (error) {
      assert.ok(error instanceof TlvError);
    }
  }
}

export const proxyHeaders: FuzzTarget = {
  name: 'proxy-headers',
  make: (random) => mutatedBytes(HEADERS, WORDS, random),
  check: (text, random) => checkProxyHeader(text, places(random)),
};
