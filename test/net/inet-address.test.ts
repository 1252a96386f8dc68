/** Reported addresses, by the rules of nginx's ngx_parse_addr_port. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInetAddress } from '../../src/net/inet-address.js';

const text = (written: string): string | null => {
  const found = parseInetAddress(written);
  return found === null ? null : `${found.bytes.join('.')} ${found.port}`;
};

test('an address is accepted with a port from 1 to 65535', () => {
  assert.equal(text('10.1.1.1'), '10.1.1.1 0');
  assert.equal(text('10.1.1.1:1'), '10.1.1.1 1');
  assert.equal(text('10.1.1.1:65535'), '10.1.1.1 65535');
  assert.equal(text('[::1]:00080'), '0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1 80');
  assert.equal(text('[10.1.1.1]'), '10.1.1.1 0');
  for (const port of ['', '0', '65536', '99999', '4294967376', '-1', '+1', '1 ', ' 1', '0x1', '1.0', '1e3', '80:80']) {
    assert.equal(text(`10.1.1.1:${port}`), null, port);
    assert.equal(text(`[::1]:${port}`), null, port);
  }
});

test('what is no address is declined', () => {
  for (const written of [
    '',
    '255.255.255.255',
    '255.255.255.255:80',
    '::ffff:255.255.255.255',
    '256.1.1.1',
    '1.2.3',
    '1.2.3.4.5',
    'fe80::1%eth0',
    '[::1',
    '[::1]x',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7::',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    ':::',
    '12345::',
    'unix:',
    'unknown',
    ':80',
    ',10.1.1.1',
  ]) {
    assert.equal(text(written), null, written);
  }
});
