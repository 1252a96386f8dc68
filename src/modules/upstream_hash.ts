/** nginx's `ngx_http_upstream_hash_module`: load balancing by a hash of a key. */
import { custom, sequence, template } from '../config/argument-types.js';
import { parsePositiveInteger } from '../config/units.js';
import { defineModule } from '../program/module.js';
import type { Session } from '../program/session.js';
import type { Template } from '../program/template.js';
import type { Balancer, Selection } from '../upstream/balancer.js';
import { checkBalancingMethod } from '../upstream/balancing-method.js';
import { useBalancer } from '../upstream/configured.js';
import type { Peer, PeerGroup } from '../upstream/peer.js';
import { gainWeight, type PeerSource, RoundRobinSelection } from '../upstream/round-robin.js';

/** Misses before falling back to round robin. */
const MAX_TRIES = 20;
/** Points on the ring per unit of weight, as in nginx, and the maximum that may be configured. */
const DEFAULT_POINTS = 160;
const MAX_POINTS = 10_000;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});
const CRC_START = 0xffffffff;

/** Updates a CRC-32 (RFC 1952 8) with one byte. */
function crcByte(crc: number, byte: number): number {
  return (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
}

/** Updates a CRC-32 with a byte string. */
function crcText(crc: number, text: string): number {
  let c = crc;
  for (let i = 0; i < text.length; i++) c = crcByte(c, text.charCodeAt(i));
  return c;
}

/** Finalizes a CRC-32 as an unsigned number. */
function crcEnd(crc: number): number {
  return (crc ^ CRC_START) >>> 0;
}

/** Hash of Perl's Cache::Memcached: after a miss, the key is hashed again with the attempt number prepended. */
class HashSelection extends RoundRobinSelection {
  private hash = 0;
  private rehash = 0;
  private misses = 0;

  constructor(
    x: Session,
    group: PeerGroup,
    private readonly key: string,
  ) {
    super(x, group);
  }

  protected override choose(now: number): Peer | null {
    if (this.misses > MAX_TRIES || this.group.peers.length < 2 || this.key === '') return this.roundRobin(now);
    do {
      const crc = crcText(crcText(CRC_START, this.rehash > 0 ? String(this.rehash) : ''), this.key);
      this.hash += (crcEnd(crc) >>> 16) & 0x7fff;
      this.rehash++;
      const i = this.indexByWeight(this.hash % this.group.totalWeight);
      if (this.available(i, now)) return this.take(i, now);
    } while (++this.misses <= MAX_TRIES);
    return this.roundRobin(now);
  }
}

/** Consistent hash ring (ketama), compatible with Perl's Cache::Memcached::Fast. */
class Ring {
  readonly hashes: Uint32Array;
  /** Server of each hash, as written in the configuration. */
  readonly servers: readonly string[];

  constructor(
    readonly group: PeerGroup,
    /** Points per unit of weight. */
    count: number,
  ) {
    const points: { hash: number; server: string }[] = [];
    for (const { server, weight } of group.peers) {
      const [host, port] = hostAndPort(server);
      const base = crcText(crcByte(crcText(CRC_START, host), 0), port);
      let previous = 0;
      for (let n = 0; n < weight * count; n++) {
        let crc = base;
        for (let shift = 0; shift < 32; shift += 8) crc = crcByte(crc, (previous >>> shift) & 0xff);
        previous = crcEnd(crc);
        points.push({ hash: previous, server });
      }
    }
    points.sort((a, b) => a.hash - b.hash);
    const distinct = points.filter(({ hash }, i) => i === 0 || hash !== points[i - 1]?.hash);
    this.hashes = Uint32Array.from(distinct, ({ hash }) => hash);
    this.servers = distinct.map(({ server }) => server);
  }

  /** Index of the first point that is not below the hash; the number of points if there is none. */
  find(hash: number): number {
    let low = 0;
    let high = this.hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.hashes[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Splits `host:port` at the last colon if only digits follow; a unix path has no port. */
function hostAndPort(server: string): readonly [host: string, port: string] {
  if (/^unix:/i.test(server)) return [server.slice('unix:'.length), ''];
  const match = /^(.*):([0-9]*)$/s.exec(server);
  return match === null ? [server, ''] : [match[1] ?? '', match[2] ?? ''];
}

/** Selects an available peer of the server at the key's point on the ring, or at the points after it. */
class ConsistentSelection extends RoundRobinSelection {
  private point: number;
  private misses = 0;

  constructor(
    x: Session,
    group: PeerGroup,
    private readonly key: string,
    private readonly ring: Ring,
  ) {
    super(x, group);
    this.point = ring.find(crcEnd(crcText(CRC_START, key)));
  }

  protected override choose(now: number): Peer | null {
    if (this.misses > MAX_TRIES || this.group.single !== null || this.key === '') return this.roundRobin(now);
    const { servers } = this.ring;
    if (servers.length === 0) return null;
    do {
      const i = this.roundRobinOf(servers[this.point % servers.length] as string, now);
      if (i >= 0) return this.take(i, now);
      this.point++;
    } while (++this.misses <= MAX_TRIES);
    return this.roundRobin(now);
  }

  /** Weighted round robin among the addresses of one server. */
  private roundRobinOf(server: string, now: number): number {
    let best = -1;
    let total = 0;
    for (let i = 0; i < this.group.peers.length; i++) {
      const peer = this.peer(i);
      if (peer.server !== server || !this.available(i, now)) continue;
      total += gainWeight(peer, now);
      if (best < 0 || peer.currentWeight > this.peer(best).currentWeight) best = i;
    }
    if (best >= 0) this.peer(best).currentWeight -= total;
    return best;
  }
}

/** Balancer of `hash key`. */
export class Hash implements Balancer {
  readonly method = 'hash';

  constructor(
    private readonly source: PeerSource,
    private readonly template: Template,
  ) {}

  key(x: Session): string {
    return this.template.of(x);
  }

  begin(x: Session): Selection {
    return new HashSelection(x, this.source.current(), this.template.of(x));
  }
}

/** Balancer of `hash key consistent`. */
export class ConsistentHash implements Balancer {
  readonly method = 'hash consistent';
  private ring: Ring | null = null;

  constructor(
    private readonly source: PeerSource,
    private readonly template: Template,
    private readonly points = DEFAULT_POINTS,
  ) {}

  key(x: Session): string {
    return this.template.of(x);
  }

  begin(x: Session): Selection {
    const group = this.source.current();
    if (this.ring === null || this.ring.group !== group) this.ring = new Ring(group, this.points);
    return new ConsistentSelection(x, group, this.template.of(x), this.ring);
  }
}

/** Points of the ring; 0: the hash is not consistent. */
const consistent = custom('[consistent [points=number]]', 0, 2, ([word, parameter], c) => {
  if (word === undefined) return 0;
  if (word.text !== 'consistent') return c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`);
  if (parameter === undefined) return DEFAULT_POINTS;
  if (!parameter.text.startsWith('points=')) {
    return c.fail(c.statement, 'argument-count', `invalid number of arguments in "${c.directive}" directive`, {
      help: 'after "consistent", only "points=number" is possible',
    });
  }
  const points = parsePositiveInteger(parameter.text.slice('points='.length));
  if (points !== null && points <= MAX_POINTS) return points;
  return c.fail(parameter, 'invalid-value', `invalid parameter "${parameter.text}"`, {
    help: `a number from 1 to ${MAX_POINTS}`,
  });
});

const module = defineModule({
  name: 'upstream_hash',
  doc: 'Passes requests with the same key to the same server. The key may contain text and variables.',
  directives: {
    hash: {
      contexts: ['upstream'],
      takes: sequence(template, consistent),
      repeat: true,
      inherit: 'none',
      doc: 'Selects the server by a hash of the key. With `consistent` (ketama), adding or removing a server remaps only the keys that this server has or had; without it, most. Requests with an empty key use round robin. The keys are distributed by `points` (160) on a ring for each unit of weight: with equal weights of 1, the share of a server differs from the mean by up to five percentage points of four servers, with `points=3200` by up to one. nginx has the same ring and chooses the same servers: of 10,000 keys on four servers with a weight of 1, between 23.8 and 27.3 % move when one of them leaves, in both. Another number assigns most keys to other servers.',
      example: 'hash $request_uri consistent;',
      differs: '`points=` is an extension: the ring of nginx always has 160 points.',
      differsFor: (words) => words.some((word) => word.startsWith('points=')),
      differsSlightly: true,
    },
  },
  check(block, c) {
    checkBalancingMethod('hash', block, c, { backup: false });
  },
  http(_conf, http, compiler) {
    useBalancer(http, 'hash', compiler, (upstream, block) => {
      const last = compiler.conf(module, block).hash.at(-1);
      if (last === undefined) throw new Error('a hash directive without a value');
      const [data, points] = last;
      const key = compiler.template(data);
      return points > 0 ? new ConsistentHash(upstream, key, points) : new Hash(upstream, key);
    });
  },
});
export default module;
