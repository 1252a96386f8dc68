import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmurHash2 } from '../../src/modules/split_clients.js';
import { get, startProxy } from '../kit/index.js';

test('hashes as MurmurHash2 does', () => {
  assert.equal(murmurHash2(''), 0);
  assert.equal(murmurHash2('a'), 2456313694);
  assert.equal(murmurHash2('ab'), 446775395);
  assert.equal(murmurHash2('abc'), 324500635);
  assert.equal(murmurHash2('abcd'), 646393889);
  assert.equal(murmurHash2('client7'), 797651952);
  assert.equal(murmurHash2('\xff\xfe\xfd\xfc\xfb'), 4209270460);
});

test('deals strings out in the given shares, the same string always to the same', async () => {
  const proxy = await startProxy(`
    split_clients $args $part { 10% one; 30.5% two; * rest; }
    split_clients $args $half { 50% a; 50% b; }
    split_clients $args $some { 1% x; }
    server { listen 127.0.0.1:0; return 200 "$part $half $some"; }`);
  try {
    const counts = new Map<string, number>();
    const lines: string[] = [];
    for (let i = 0; i < 300; i++) {
      const { body } = await get(proxy.port, `/?client${i}`);
      lines.push(body);
      for (const value of body.split(' ')) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const share = (value: string) => (counts.get(value) ?? 0) / 300;
    assert.ok(Math.abs(share('one') - 0.1) < 0.06, `one: ${share('one')}`);
    assert.ok(Math.abs(share('two') - 0.305) < 0.08, `two: ${share('two')}`);
    assert.ok(Math.abs(share('rest') - 0.595) < 0.08, `rest: ${share('rest')}`);
    assert.equal(share('a') + share('b'), 1);
    assert.equal((await get(proxy.port, '/?client7')).body, lines[7]);
  } finally {
    await proxy.close();
  }
});
