/** Choices that must be those of nginx, server by server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { ConsistentHash, Hash } from '../../src/modules/upstream_hash.js';
import { IpHash } from '../../src/modules/upstream_ip_hash.js';
import { LeastConn } from '../../src/modules/upstream_least_conn.js';
import { RandomChoice } from '../../src/modules/upstream_random.js';
import { Template } from '../../src/program/template.js';
import type { Balancer } from '../../src/upstream/balancer.js';
import { DEFAULT_PEER, Peer, PeerGroup } from '../../src/upstream/peer.js';
import { nextOf, Peers, pass } from './peers.js';
import { sessionFrom } from './session.js';

function key(text: string): Template {
  return new Template(text, [text]);
}

function chosen(balancer: Balancer, address?: string): string | null {
  return pass(balancer.begin(sessionFrom(address)));
}

test('ip_hash looks at three bytes of an IPv4 address', () => {
  const balancer = new IpHash(new Peers('a', 'b', 'c'));
  // 89 * 113 + 127 is 3913 modulo 6271; * 113 is 3199; * 113 is 4040, which leaves 2 modulo 3.
  assert.equal(chosen(balancer, '127.0.0.1'), 'c');
  assert.equal(chosen(balancer, '127.0.0.200'), 'c');
  const expected = (bytes: number[]) => bytes.reduce((hash, byte) => (hash * 113 + byte) % 6271, 89) % 3;
  for (const address of ['10.1.2.3', '192.168.7.1', '203.0.113.9', '8.8.8.8']) {
    assert.equal(chosen(balancer, address), 'abc'[expected(address.split('.').slice(0, 3).map(Number))]);
  }
});

test('ip_hash looks at all bytes of an IPv6 address', () => {
  const balancer = new IpHash(new Peers('a', 'b', 'c', 'd', 'e'));
  const servers = new Set(Array.from({ length: 40 }, (_, n) => chosen(balancer, `2001:db8::${n.toString(16)}`)));
  assert.equal(servers.size, 5);
  const bytes = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34];
  const expected = bytes.reduce((hash, byte) => (hash * 113 + byte) % 6271, 89) % 5;
  assert.equal(chosen(balancer, '2001:db8::1234'), 'abcde'[expected]);
});

test('clients of a unix socket are one client to ip_hash', () => {
  const balancer = new IpHash(new Peers('a', 'b', 'c'));
  assert.equal(chosen(balancer, 'unix:'), chosen(balancer, '0.0.0.0'));
});

test('hash is that of Cache::Memcached', () => {
  const balancer = (text: string) => new Hash(new Peers('a weight=2', 'b', 'c'), key(text));
  for (const text of ['/', '/index.html', 'user=7', '\u00e9']) {
    const hash = (crc32(Buffer.from(text, 'latin1')) >>> 16) & 0x7fff;
    assert.equal(chosen(balancer(text)), 'aabc'[hash % 4], text);
  }
});

test('hash of a server that may not be used hashes again with the number of the attempt in front', () => {
  const peers = new Peers('a', 'b', 'c');
  const part = (text: string) => (crc32(text) >>> 16) & 0x7fff;
  for (const text of ['/x', '/y', '/z', '/w']) {
    const selection = new Hash(peers, key(text)).begin(sessionFrom());
    const hashes = [part(text)];
    const first = 'abc'[part(text) % 3];
    assert.equal(nextOf(selection), first);
    selection.release('next');
    let sum = part(text);
    let second = first;
    for (let n = 1; second === first; n++) {
      hashes.push(part(`${n}${text}`));
      sum += part(`${n}${text}`);
      second = 'abc'[sum % 3];
    }
    assert.equal(nextOf(selection), second, `${text} ${hashes}`);
    selection.release('ok');
  }
});

test('an empty key goes round robin', () => {
  for (const create of [Hash, ConsistentHash]) {
    const balancer = new create(new Peers('a', 'b'), key(''));
    assert.deepEqual(
      [1, 2, 3].map(() => chosen(balancer)),
      ['a', 'b', 'a'],
    );
  }
});

/** The circle as Cache::Memcached::Fast describes it: crc32(host \0 port previous), 160 points for each weight. */
function circle(
  servers: readonly (readonly [host: string, port: string, weight: number])[],
): { hash: number; server: string }[] {
  const points = servers.flatMap(([host, port, weight]) => {
    let previous = 0;
    return Array.from({ length: weight * 160 }, () => {
      const tail = Buffer.alloc(4);
      tail.writeUInt32LE(previous);
      previous = crc32(Buffer.concat([Buffer.from(`${host}\0${port}`), tail]));
      return { hash: previous, server: port === '' ? host : `${host}:${port}` };
    });
  });
  return points.sort((a, b) => a.hash - b.hash);
}

test('hash consistent is that of Cache::Memcached::Fast', () => {
  const peers = new Peers('10.0.0.1:8080', '10.0.0.2:8080 weight=2', 'backend');
  const points = circle([
    ['10.0.0.1', '8080', 1],
    ['10.0.0.2', '8080', 2],
    ['backend', '', 1],
  ]);
  for (let n = 0; n < 200; n++) {
    const text = `/page/${n}`;
    const hash = crc32(text);
    const expected = (points.find((point) => point.hash >= hash) ?? points[0])?.server;
    assert.equal(chosen(new ConsistentHash(peers, key(text))), expected, text);
  }
});

test('hash consistent moves only the keys of a server that is gone', () => {
  const all = new Peers('a:80', 'b:80', 'c:80', 'd:80');
  const without = new Peers('a:80', 'b:80', 'd:80');
  let moved = 0;
  for (let n = 0; n < 300; n++) {
    const before = chosen(new ConsistentHash(all, key(`k${n}`)));
    const after = chosen(new ConsistentHash(without, key(`k${n}`)));
    if (before !== after) {
      assert.equal(before, 'c:80');
      moved++;
    }
  }
  assert.ok(moved > 30 && moved < 150, String(moved));
});

test('hash consistent goes round robin among the addresses of one server', () => {
  const peers = ['10.0.0.1', '10.0.0.2'].map((host) => new Peer({ host, port: 80 }, DEFAULT_PEER, 'backend:80'));
  const group = new PeerGroup(peers, null);
  const balancer = new ConsistentHash({ current: () => group }, key('k'));
  const names = [1, 2, 3].map(() => {
    const selection = balancer.begin(sessionFrom());
    const name = selection.next()?.name;
    selection.release('ok');
    return name;
  });
  assert.deepEqual(names, ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.1:80']);
});

test('least_conn takes the server with the fewest connections for its weight', () => {
  const balancer = new LeastConn(new Peers('a weight=2', 'b', 'c'));
  const open = Array.from({ length: 8 }, () => nextOf(balancer.begin(sessionFrom())));
  const count = (server: string) => open.filter((each) => each === server).length;
  assert.deepEqual([count('a'), count('b'), count('c')], [4, 2, 2]);
});

test('least_conn goes round robin among servers with the same load', () => {
  const balancer = new LeastConn(new Peers('a', 'b', 'c'));
  assert.deepEqual(
    [1, 2, 3, 4].map(() => chosen(balancer)),
    ['a', 'b', 'c', 'a'],
  );
});

test('least_conn goes round robin among the backup servers with the same load', () => {
  const balancer = new LeastConn(new Peers('a down', 'b backup', 'c backup'));
  assert.deepEqual(
    [1, 2, 3].map(() => chosen(balancer)),
    ['b', 'c', 'b'],
  );
});

test('random two takes the one of two with fewer connections', (t) => {
  const peers = new Peers('a', 'b', 'c');
  peers.get('a').conns = 5;
  peers.get('c').conns = 1;
  const draws = [0, 0.99];
  t.mock.method(Math, 'random', () => draws.shift() ?? 0);
  assert.equal(chosen(new RandomChoice(peers, 'least_conn')), 'c');
  draws.push(0.99, 0.1);
  assert.equal(chosen(new RandomChoice(peers, 'least_conn')), 'c');
  draws.push(0.5, 0.5, 0.99);
  assert.equal(chosen(new RandomChoice(peers, 'least_conn')), 'b');
});

test('random draws by weight', (t) => {
  const peers = new Peers('a weight=3', 'b');
  const draws = [0, 0.74, 0.75, 0.99];
  t.mock.method(Math, 'random', () => draws.shift() ?? 0);
  const balancer = new RandomChoice(peers, null);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => chosen(balancer)),
    ['a', 'a', 'b', 'b'],
  );
});
