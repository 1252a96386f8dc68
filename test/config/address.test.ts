import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AddressOptions, canonicalIp, formatAddress, parseAddress } from '../../src/config/address.js';

const PLAIN: AddressOptions = { defaultPort: 80 };
const LISTEN: AddressOptions = { defaultPort: 80, listen: true };
const URI: AddressOptions = { defaultPort: 443, uri: true };

function mistake(text: string, options = PLAIN): string {
  const parsed = parseAddress(text, options);
  return 'mistake' in parsed ? parsed.mistake : 'taken';
}

test('a host without a port has the default one', () => {
  const parsed = parseAddress('example.com', PLAIN);
  assert.deepEqual(parsed, { family: 'name', host: 'example.com', port: 80, lastPort: 80, portGiven: false, uri: '' });
});

test('numbers are names, not ports, where one cannot listen', () => {
  assert.deepEqual(parseAddress('8080', PLAIN), {
    family: 'name',
    host: '8080',
    port: 80,
    lastPort: 80,
    portGiven: false,
    uri: '',
  });
});

test('a URI is split off where one may follow', () => {
  const cases: [string, string, string][] = [
    ['127.0.0.1:8080/a:b', '127.0.0.1:8080', '/a:b'],
    ['backend?x=/y', 'backend:443', '?x=/y'],
    ['[::1]/x', '[::1]:443', '/x'],
    ['unix:/run/a.sock:/x/', 'unix:/run/a.sock', '/x/'],
    ['unix:/run/a.sock', 'unix:/run/a.sock', ''],
  ];
  for (const [text, address, uri] of cases) {
    const parsed = parseAddress(text, URI);
    assert.ok(!('mistake' in parsed), text);
    assert.equal(formatAddress(parsed), address);
    assert.equal(parsed.uri, uri);
  }
});

test('mistakes are told in the words of nginx', () => {
  assert.equal(mistake('a/b'), 'invalid host');
  assert.equal(mistake('a:'), 'invalid port');
  assert.equal(mistake('a:0'), 'invalid port');
  assert.equal(mistake('a:65536'), 'invalid port');
  assert.equal(mistake('a:8x'), 'invalid port');
  assert.equal(mistake(':80'), 'no host');
  assert.equal(mistake(''), 'no host');
  assert.equal(mistake('[::1'), 'invalid host');
  assert.equal(mistake('[::1]80'), 'invalid host');
  assert.equal(mistake('[]:80'), 'no host');
  assert.equal(mistake('[::zz]'), 'invalid IPv6 address');
  assert.equal(mistake('[fe80::1%lo]'), 'invalid IPv6 address');
  assert.equal(mistake('unix:'), 'no path in the unix domain socket');
  assert.equal(mistake(`unix:/${'a'.repeat(107)}`), 'too long path in the unix domain socket');
  assert.equal(mistake('70000', LISTEN), 'invalid port');
  assert.equal(mistake('82-81', LISTEN), 'invalid port range');
  assert.equal(mistake('a:1-2'), 'invalid port');
});

test('an IP address has one canonical text', () => {
  assert.equal(canonicalIp('127.000.0.1'), '127.0.0.1');
  assert.equal(canonicalIp('0:0:0:0:0:0:0:1'), '::1');
  assert.equal(canonicalIp('256.0.0.1'), null);
  assert.equal(canonicalIp('name'), null);
});
