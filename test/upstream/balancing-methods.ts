/** Every load balancing method, for the tests that all of them pass. */
import { ConsistentHash, Hash } from '../../src/modules/upstream_hash.js';
import { IpHash } from '../../src/modules/upstream_ip_hash.js';
import { LeastConn } from '../../src/modules/upstream_least_conn.js';
import { LeastTime } from '../../src/modules/upstream_least_time.js';
import { RandomChoice } from '../../src/modules/upstream_random.js';
import { Template } from '../../src/program/template.js';
import { Variable } from '../../src/program/variable.js';
import type { Balancer } from '../../src/upstream/balancer.js';
import { type PeerSource, RoundRobin } from '../../src/upstream/round-robin.js';

/** `$remote_addr`, so that requests of different clients have different keys. */
export function addressKey(): Template {
  const variable = new Variable('remote_addr', 0);
  variable.getter = (x) => x.remoteAddress;
  return new Template(null, [variable]);
}

export const METHODS: Readonly<Record<string, (source: PeerSource) => Balancer>> = {
  'round robin': (source) => new RoundRobin(source),
  least_conn: (source) => new LeastConn(source),
  'least_time header': (source) => new LeastTime(source, 'header', false),
  'least_time last_byte inflight': (source) => new LeastTime(source, 'last_byte', true),
  ip_hash: (source) => new IpHash(source),
  hash: (source) => new Hash(source, addressKey()),
  'hash consistent': (source) => new ConsistentHash(source, addressKey()),
  random: (source) => new RandomChoice(source, null),
  'random two': (source) => new RandomChoice(source, 'least_conn'),
  'random two least_time': (source) => new RandomChoice(source, 'header'),
};

/** Addresses of which the bytes that ip_hash looks at differ: 16 million. */
export function address(n: number): string {
  return `${(n >> 16) + 10}.${(n >> 8) & 255}.${n & 255}.1`;
}
