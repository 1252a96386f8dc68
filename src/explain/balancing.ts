/** Choices of an upstream's balancing method, obtained by running it on its peers; their state is restored afterwards. */
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { Exchange } from '../program/exchange.js';
import type { Peer } from '../upstream/peer.js';
import type { Upstream } from '../upstream/upstream.js';
import type { ExplainedPeer, ExplainedUpstream, Written } from './explanation.js';
import { upstreamRules } from './upstream-rules.js';
import type { WrittenBlocks } from './written-blocks.js';

/** Number of identical requests that are simulated. */
const FOLLOWING = 10;

type Balancing = Omit<ExplainedUpstream, 'requests'>;

/** Choices of the method for the first request after a start. `x` is in its state at peer selection. */
export function explainBalancing(
  x: Exchange,
  upstream: Upstream,
  config: CheckedConfig,
  written: WrittenBlocks,
): Balancing {
  const block = upstreamBlock(upstream.name, config);
  const peers = peersOf(upstream);
  const { method } = upstream.balancer;
  const bound = boundTo(x, upstream);
  const isRandom = method.startsWith('random');
  const key = upstream.balancer.key?.(x) ?? null;
  const order = withInitialState(peers, () => failoverOrder(x, upstream, bound, peers.length));
  const why = (peer: Peer): string => {
    return peer.name === order[0] && !isRandom ? whyChosen(peer, upstream, bound, key) : whenChosen(peer, upstream);
  };
  return {
    name: upstream.name,
    block: block === undefined ? null : written.block(block),
    method: methodOf(method, block, written),
    key,
    sticky: stickyOf(upstream, block, written),
    boundTo: peers.find(({ id }) => id === bound)?.name ?? null,
    rules: upstreamRules(x, upstream, block, written),
    peers: peers.map((peer) => explainedPeer(peer, why(peer))),
    order,
    following: isRandom ? [] : withInitialState(peers, () => consecutiveChoices(x, upstream, bound)),
  };
}

/** Identifier of the peer to which the client is bound; empty for none. `sticky learn` has learned no sessions here. */
function boundTo(x: Exchange, upstream: Upstream): string {
  const found = upstream.stickiness?.begin(x).find() ?? '';
  return typeof found === 'string' ? found : '';
}

function stickyOf(upstream: Upstream, block: CheckedBlock | undefined, written: WrittenBlocks): Written | null {
  if (upstream.stickiness === null) return null;
  const statement = block && written.recordOf(block)?.statements.get('sticky')?.at(-1);
  return statement === undefined ? { text: upstream.stickiness.method, at: null } : written.statement(statement);
}

function upstreamBlock(name: string, config: CheckedConfig): CheckedBlock | undefined {
  const blocks = config.blocks.flatMap((http) => http.blocks);
  return blocks.find(
    ({ context, argument }) =>
      context === 'upstream' && typeof argument === 'string' && argument.toLowerCase() === name.toLowerCase(),
  );
}

function methodOf(method: string, block: CheckedBlock | undefined, written: WrittenBlocks): Written {
  if (method === '') return { text: 'round robin', at: null };
  const [directive = ''] = method.split(' ');
  const statement = block && written.recordOf(block)?.statements.get(directive)?.at(-1);
  return statement === undefined ? { text: method, at: null } : written.statement(statement);
}

function peersOf(upstream: Upstream): Peer[] {
  const { peers, backup } = upstream.current();
  return [...peers, ...(backup?.peers ?? [])];
}

/** Why the peer is the first choice for a request whose client is bound to `bound`. */
function whyChosen(peer: Peer, upstream: Upstream, bound: string, key: string | null): string {
  if (bound !== '' && peer.id === bound) return 'the client is bound to it';
  const reason = whyPreferred(peer, upstream, key);
  const isUnavailable = bound !== '' && upstream.current().all.some(({ id }) => id === bound);
  return isUnavailable ? `${reason}; the server to which the client is bound gets no requests` : reason;
}

function whyPreferred({ settings }: Peer, upstream: Upstream, key: string | null): string {
  const { method } = upstream.balancer;
  const { peers } = upstream.current();
  if (settings.backup) return 'a backup server, because no other server is available';
  const usable = peers.filter(({ down }) => !down);
  if (usable.length === 1) return peers.length === 1 ? 'the only server' : 'the only server that is available';
  if (method === 'ip_hash') return "by the hash of the client's address";
  if (key !== null && key !== '') return 'by the hash of the key';
  const greatest = usable.every(({ weight }) => weight <= settings.weight);
  const isTied = usable.filter(({ weight }) => weight === settings.weight).length > 1;
  const turn = isTied ? 'the first with the greatest weight' : 'the greatest weight';
  if (!greatest) return `by ${method}`;
  if (method === '') return turn;
  if (method === 'least_conn') return `no server has connections: ${turn}`;
  if (method.startsWith('least_time')) return `no response times are known: ${turn}`;
  return key === '' ? `the key is empty: ${turn}` : `by ${method}`;
}

/** When a peer that is not the first choice gets requests. */
function whenChosen({ settings }: Peer, { stickiness }: Upstream): string {
  if (settings.down === 'down') return 'gets no requests';
  if (settings.down === 'drain') {
    return stickiness === null
      ? 'gets no requests, because no client is bound to it'
      : 'gets only requests bound to it';
  }
  return settings.backup ? 'only if no other server is available' : '';
}

function explainedPeer({ name, server, settings }: Peer, why: string): ExplainedPeer {
  return {
    address: name,
    server,
    weight: settings.weight,
    maxConns: settings.maxConns,
    maxFails: settings.maxFails,
    failTimeout: settings.failTimeout,
    slowStart: settings.slowStart,
    backup: settings.backup,
    state: settings.down === false ? 'up' : settings.down,
    why,
  };
}

/** Peers in the order in which they are tried if each one fails. */
function failoverOrder(x: Exchange, upstream: Upstream, bound: string, limit: number): string[] {
  const selection = upstream.balancer.begin(x);
  selection.preferred = bound;
  const names: string[] = [];
  for (let peer = selection.next(); peer !== null && names.length < limit; peer = selection.next()) {
    names.push(peer.name);
    selection.release('failed');
    if (selection.tries === 0) break;
  }
  return names;
}

/** Peers of consecutive identical requests, if all of them succeed. */
function consecutiveChoices(x: Exchange, upstream: Upstream, bound: string): string[] {
  const names: string[] = [];
  for (let i = 0; i < FOLLOWING; i++) {
    const selection = upstream.balancer.begin(x);
    selection.preferred = bound;
    const peer = selection.next();
    if (peer === null) break;
    names.push(peer.name);
    selection.release('ok');
  }
  return names;
}

/** Calls `run` with the peers in their initial state, then restores their previous state. */
function withInitialState<T>(peers: readonly Peer[], run: () => T): T {
  const before = peers.map((peer) => ({
    currentWeight: peer.currentWeight,
    effectiveWeight: peer.effectiveWeight,
    conns: peer.conns,
    others: peer.others,
    fails: peer.fails,
    accessed: peer.accessed,
    checked: peer.checked,
    sharing: peer.sharing,
    times: peer.times,
    observer: peer.observer,
    recoveredAt: peer.recoveredAt,
  }));
  resetPeers(peers);
  try {
    return run();
  } finally {
    peers.forEach((peer, i) => {
      Object.assign(peer, before[i]);
    });
  }
}

/** Resets the peers of an upstream to their initial state. */
export function resetUpstream(upstream: Upstream): void {
  resetPeers(peersOf(upstream));
}

function resetPeers(peers: readonly Peer[]): void {
  for (const peer of peers) {
    const fresh = { currentWeight: 0, effectiveWeight: peer.weight, conns: 0, others: 0, fails: 0 };
    Object.assign(peer, fresh, { accessed: 0, checked: 0, sharing: null, times: null, observer: null, recoveredAt: 0 });
  }
}
