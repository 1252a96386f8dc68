import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AddressRanges } from '../../src/config/address-ranges.js';
import { ipBytes } from '../../src/config/cidr.js';
import { forwardedAddress } from '../../src/http/forwarded-address.js';
import { get, startProxy, type TestProxy } from '../kit/index.js';

describe('geo', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      geo $own { 127.0.0.0/8 loopback; 0.0.0.0/0 world; }
      geo $arg_ip $network {
        default          none;
        127.0.0.0/8      loopback;
        192.0.2.0/24     test;
        192.0.2.128/25   upper;
        192.0.2.200      single;
        2001:db8::/32    six;
        2001:db8:1::/48  six-one;
        10.0.0.0/8       gone;
        delete           10.0.0.0/8;
        include          %%DIR%%/geo.conf;
      }
      geo $arg_ip $range {
        ranges;
        default                 none;
        127.0.0.0-127.0.0.255   outer;
        127.0.0.4-127.0.0.5     inner;
        10.10.3.0-10.11.2.255   gone;
        10.12.3.0-10.13.2.255   across;
        delete                  10.10.3.0-10.11.2.255;
        255.255.255.255-255.255.255.255 last;
      }
      geo $arg_ip $empty { 127.0.0.1 x; }
      geo $proxied { default none; proxy 127.0.0.1; 127.0.0.0/8 loopback; 192.0.2.0/24 test; }
      geo $recursive { proxy_recursive; proxy 127.0.0.1; default none; 127.0.0.0/8 loopback; 192.0.2.0/24 test; }
      server {
        listen 127.0.0.1:0;
        location / { return 200 "$network $range [$empty]"; }
        location /own { return 200 "$own"; }
        location /proxied { return 200 "$proxied $recursive"; }
      }`,
      {},
      { files: { 'geo.conf': '198.51.100.0/24 included;' } },
    );
  });
  after(() => proxy.close());
  const body = async (path: string, fields: string[] = []) => (await get(proxy.port, path, { fields })).body;

  test('finds the longest network, or the range, of the address', async () => {
    for (const [address, values] of Object.entries({
      '127.0.0.1': 'loopback outer [x]',
      '127.0.0.5': 'loopback inner []',
      '192.0.2.1': 'test none []',
      '192.0.2.129': 'upper none []',
      '192.0.2.200': 'single none []',
      '10.10.3.1': 'none none []',
      '10.13.2.255': 'none across []',
      '198.51.100.7': 'included none []',
      '2001:db8:2::1': 'six last []',
      '2001:db8:1::1': 'six-one last []',
      '::ffff:192.0.2.1': 'test none []',
      'not an address': 'none last []',
      '': 'none last []',
    })) {
      assert.equal(await body(`/?ip=${address.replaceAll(' ', '+')}`), values, address);
    }
    assert.equal(await body('/own'), 'loopback');
  });
  test('believes the proxies that are named', async () => {
    const by = (...lists: string[]) =>
      body(
        '/proxied',
        lists.map((list) => `X-Forwarded-For: ${list}`),
      );
    assert.equal(await by(), 'loopback loopback');
    assert.equal(await by('192.0.2.1'), 'test test');
    assert.equal(await by('10.0.0.1'), 'none none');
    assert.equal(await by('10.0.0.1, 192.0.2.1'), 'test test');
    assert.equal(await by('192.0.2.1, 127.0.0.1'), 'loopback test');
    assert.equal(await by('192.0.2.1', '127.0.0.1'), 'loopback test');
    assert.equal(await by('unknown'), 'loopback loopback');
    assert.equal(await by('192.0.2.1:8080 '), 'test test');
  });
});

test('an address behind proxies is taken from the right as far as they are trusted', () => {
  const bytes = (text: string) => ipBytes(text) ?? [];
  const trusted = (address: readonly number[]) => address[0] === 10;
  const walk = (values: string[], recursive: boolean) =>
    forwardedAddress({ bytes: bytes('10.0.0.1'), port: 0 }, values, trusted, recursive).bytes;
  assert.deepEqual(walk(['1.1.1.1, 10.0.0.2'], false), bytes('10.0.0.2'));
  assert.deepEqual(walk(['9.9.9.9, 1.1.1.1, 10.0.0.2'], true), bytes('1.1.1.1'));
  assert.deepEqual(walk(['9.9.9.9', '10.0.0.3, 10.0.0.2'], true), bytes('9.9.9.9'));
  assert.deepEqual(walk(['9.9.9.9', 'x, 10.0.0.2'], true), bytes('10.0.0.2'));
  assert.deepEqual(walk(['[2001:db8::1]:443'], true), bytes('2001:db8::1'));
  assert.deepEqual(walk([''], true), bytes('10.0.0.1'));
  assert.deepEqual(walk([' , ,'], true), bytes('10.0.0.1'));
});

test('ranges split those around them, and only whole ones are deleted', () => {
  const ranges = new AddressRanges();
  assert.deepEqual(ranges.add(10, 20, 'a'), { kind: 'added' });
  assert.deepEqual(ranges.add(12, 14, 'b'), { kind: 'added' });
  assert.deepEqual(ranges.all(), [
    [10, 11, 'a'],
    [12, 14, 'b'],
    [15, 20, 'a'],
  ]);
  assert.deepEqual(ranges.add(12, 14, 'c'), { kind: 'duplicate', value: 'b' });
  assert.equal(ranges.add(5, 10, 'd').kind, 'overlap');
  assert.equal(ranges.delete(10, 20), false);
  assert.equal(ranges.delete(12, 14), true);
  ranges.add(0x1fffe, 0x30001, 'wide');
  assert.deepEqual(ranges.all().at(-1), [0x1fffe, 0x30001, 'wide']);
  assert.equal(ranges.delete(0x1fffe, 0x30001), true);
  assert.deepEqual(ranges.all(), [
    [10, 11, 'a'],
    [15, 20, 'a'],
  ]);
});
