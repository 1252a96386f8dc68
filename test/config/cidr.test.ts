import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contains, ipBytes, parseCidr, unmapped } from '../../src/config/cidr.js';

test('an address becomes its bytes', () => {
  assert.deepEqual(ipBytes('127.0.0.1'), [127, 0, 0, 1]);
  assert.deepEqual(ipBytes('2001:db8::1'), [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert.deepEqual(ipBytes('::'), new Array(16).fill(0));
  assert.deepEqual(ipBytes('::ffff:192.0.2.1')?.slice(10), [0xff, 0xff, 192, 0, 2, 1]);
  assert.deepEqual(ipBytes('1:2:3:4:5:6:7:8')?.length, 16);
  assert.equal(ipBytes('localhost'), null);
});

test('bits behind the length are cleared and told of', () => {
  assert.deepEqual(parseCidr('192.0.2.77/24'), { cidr: { bytes: [192, 0, 2, 0], length: 24 }, meaningless: true });
  assert.deepEqual(parseCidr('10.0.0.0/8'), { cidr: { bytes: [10, 0, 0, 0], length: 8 }, meaningless: false });
  for (const text of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/x', '10.0.0/8', '/8']) {
    assert.equal(parseCidr(text), null, text);
  }
});

test('a network contains what shares its first bits', () => {
  const within = (network: string, address: string) => {
    const parsed = parseCidr(network);
    const bytes = ipBytes(address);
    assert.ok(parsed !== null && bytes !== null);
    return contains(parsed.cidr, bytes);
  };
  assert.ok(within('0.0.0.0/0', '1.2.3.4'));
  assert.ok(within('10.128.0.0/9', '10.255.0.1'));
  assert.ok(!within('10.128.0.0/9', '10.127.0.1'));
  assert.ok(within('2001:db8::/33', '2001:db8:7fff::1'));
  assert.ok(!within('2001:db8::/33', '2001:db8:8000::1'));
  assert.ok(!within('0.0.0.0/0', '::1'));
  assert.ok(within('192.0.2.1', '192.0.2.1'));
});

test('an IPv4 address mapped into IPv6 is found in it', () => {
  assert.deepEqual(unmapped(ipBytes('::ffff:10.1.2.3') ?? []), [10, 1, 2, 3]);
  assert.equal(unmapped(ipBytes('::1') ?? []).length, 16);
});
