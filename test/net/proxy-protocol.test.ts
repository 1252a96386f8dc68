import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findTlv, parseTlvName, readProxyHeader } from '../../src/net/proxy-protocol.js';
import { headerV2, INET_ADDRESSES, INET6_ADDRESSES, SSL_FIELD, tlv } from '../kit/index.js';

const V4 = { address: '192.0.2.1', port: 4321, serverAddress: '198.51.100.2', serverPort: 443 };
const V6 = { address: '2001:db8::7', port: 4321, serverAddress: '::ffff:10.0.0.1', serverPort: 443 };

/** Headers with their addresses; null: none are passed on. */
const VALID: readonly (readonly [string, string, typeof V4 | null])[] = [
  ['TCP4', 'PROXY TCP4 192.0.2.1 198.51.100.2 4321 443\r\n', V4],
  ['TCP6', 'PROXY TCP6 2001:db8::7 ::ffff:10.0.0.1 4321 443\r\n', V6],
  ['leading zeros of ports', 'PROXY TCP4 192.0.2.1 198.51.100.2 04321 000443\r\n', V4],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n', null],
  ['UNKNOWN with addresses', 'PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n', null],
  ['the longest line', `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`, null],
  ['version 2, IPv4', headerV2({ body: INET_ADDRESSES }), V4],
  ['version 2, IPv6', headerV2({ family: 0x21, body: INET6_ADDRESSES }), V6],
  ['version 2 with TLVs', headerV2({ body: INET_ADDRESSES + SSL_FIELD }), V4],
  ['the longest header', headerV2({ body: INET_ADDRESSES + tlv(4, 'x'.repeat(4080 - 15)) }), V4],
  ['LOCAL', headerV2({ command: 0, family: 0 }), null],
  ['LOCAL with addresses', headerV2({ command: 0, body: INET_ADDRESSES }), null],
  ['UNSPEC', headerV2({ family: 0, body: 'anything' }), null],
  ['UDP', headerV2({ family: 0x12, body: INET_ADDRESSES }), null],
  ['a unix domain socket', headerV2({ family: 0x31, body: '\0'.repeat(216) }), null],
];

const INVALID: readonly (readonly [string, string, string])[] = [
  ['a request', 'GET / HTTP/1.1\r\n', 'broken header: "GET / HTTP/1.1"'],
  ['another case', 'proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n', 'broken header: "proxy TCP4 1.1.1.1 2.2.2.2 1 2"'],
  ['another protocol', 'PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n', 'broken header: "PROXY UDP4 1.1.1.1 2.2.2.2 1 2"'],
  ['a name', 'PROXY TCP4 host 2.2.2.2 1 2\r\n', 'broken header: "PROXY TCP4 host 2.2.2.2 1 2"'],
  [
    'a port that is too large',
    'PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n',
    'broken header: "PROXY TCP4 1.1.1.1 2.2.2.2 65536 2"',
  ],
  ['a negative port', 'PROXY TCP4 1.1.1.1 2.2.2.2 1 -2\r\n', 'broken header: "PROXY TCP4 1.1.1.1 2.2.2.2 1 -2"'],
  ['a missing port', 'PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n', 'broken header: "PROXY TCP4 1.1.1.1 2.2.2.2 1"'],
  ['two spaces', 'PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n', 'broken header: "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2"'],
  ['a line feed alone', 'PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n', 'broken header: "PROXY TCP4 1.1.1.1 2.2.2.2 1 2"'],
  [
    'a line that is too long',
    `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`,
    `broken header: "PROXY UNKNOWN ${'x'.repeat(92)}"`,
  ],
  ['an endless line', `PROXY TCP4 ${'1'.repeat(96)}`, `broken header: "PROXY TCP4 ${'1'.repeat(96)}"`],
  ['version 1 in binary', headerV2({ version: 1, body: INET_ADDRESSES }), 'unknown PROXY protocol version: 1'],
  ['a header that is too large', headerV2({ length: 4081 }), 'header is too large'],
  [
    'addresses that are too short',
    headerV2({ body: INET_ADDRESSES.slice(1) }),
    'broken header: addresses are truncated',
  ],
  [
    'IPv4 addresses as IPv6',
    headerV2({ family: 0x21, body: INET_ADDRESSES }),
    'broken header: addresses are truncated',
  ],
  ['a broken signature', '\r\n\r\n\0\r\nQUIT\r', 'broken header: ""'],
];

const read = (bytes: string) => readProxyHeader(Buffer.from(bytes, 'latin1'));

describe('a PROXY protocol header is complete with its last byte, whatever follows', () => {
  for (const [name, bytes, addresses] of VALID) {
    test(name, () => {
      for (let end = 0; end < bytes.length; end++) assert.equal(read(bytes.slice(0, end)), null, `${end} bytes`);
      for (const rest of ['', 'GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01']) {
        const result = read(bytes + rest);
        assert.ok(result !== null && typeof result === 'object', String(result));
        assert.equal(result.length, bytes.length);
        if (addresses === null) assert.equal(result.header, null);
        else assert.deepEqual({ ...result.header, tlvs: null }, { ...addresses, tlvs: null });
      }
    });
  }
});

describe('an invalid PROXY protocol header is refused in nginx’s words', () => {
  for (const [name, bytes, message] of INVALID) {
    test(name, () => {
      assert.equal(read(bytes), message);
      // Refused at some byte, and never accepted.
      for (let end = 0; end < bytes.length; end++) {
        const result = read(bytes.slice(0, end));
        assert.ok(result === null || typeof result === 'string');
      }
    });
  }
});

test('a client that does not speak the protocol is refused with its first byte', () => {
  for (const bytes of ['G', '\x16', 'PROXX', '\r\n\r\nx']) assert.equal(typeof read(bytes), 'string', bytes);
});

describe('TLVs', () => {
  const value = (tlvs: string, name: string) => findTlv(Buffer.from(tlvs, 'latin1'), parseTlvName(name))?.latin1Slice();
  const tlvs =
    tlv(4, '\0\0') + tlv(1, 'h2') + tlv(2, 'example.com') + tlv(5, 'id') + SSL_FIELD + tlv(0x30, 'net') + tlv(0xea, '');

  test('are found by name, or by type', () => {
    const names = ['alpn', 'authority', 'unique_id', 'netns', '0x2', '0xEA', '0xeb', '0x1000'];
    assert.deepEqual(
      names.map((name) => value(tlvs, name)),
      ['h2', 'example.com', 'id', 'net', 'example.com', '', undefined, undefined],
    );
  });
  test('within ssl are found by name, or by type', () => {
    const names = ['verify', 'version', 'cn', 'cipher', 'sig_alg', 'key_alg', '0x22', '0x26'].map(
      (name) => `ssl_${name}`,
    );
    assert.deepEqual(
      names.map((name) => value(tlvs, name)),
      [
        '258',
        'TLSv1.3',
        'client.example',
        'TLS_AES_128_GCM_SHA256',
        'RSA-SHA256',
        'RSA2048',
        'client.example',
        undefined,
      ],
    );
    for (const name of [...names, 'ssl_unknown']) assert.equal(value(tlv(1, 'h2'), name), undefined);
    assert.equal(value(tlv(0x20, '\x01\0\0\0'), 'ssl_verify'), undefined);
  });
  test('with unknown names, or malformed ones, are reported in nginx’s words', () => {
    assert.throws(() => value(tlvs, 'alpns'), { message: 'unknown PROXY protocol TLV "alpns"' });
    assert.throws(() => value(tlvs, 'ssl_alpn'), { message: 'unknown PROXY protocol TLV "ssl_alpn"' });
    assert.throws(() => value(tlvs, '0x'), { message: 'invalid PROXY protocol TLV "0x"' });
    assert.throws(() => value(tlvs, 'ssl_0xg'), { message: 'invalid PROXY protocol TLV "ssl_0xg"' });
    for (const broken of ['\x01', '\x01\0', '\x01\0\x03h2', `${tlv(4, '')}\x01\xff\xff`]) {
      assert.throws(() => value(broken, 'authority'), { message: 'broken PROXY protocol TLV' });
    }
  });
});
