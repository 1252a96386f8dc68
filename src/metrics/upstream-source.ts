/** Metrics of upstreams, their servers and circuit breakers. */
import type { Shared } from '../program/module.js';
import { Breaker } from '../upstream/breaker.js';
import type { Peer } from '../upstream/peer.js';
import { Upstream } from '../upstream/upstream.js';
import { upstreamRecorder } from './attempt-recorder.js';
import {
  BREAKER_REFUSALS,
  BREAKER_STATE,
  KEPT_ALIVE,
  PEER_ACTIVE,
  PEER_CHECKS,
  PEER_STATE,
  PEER_UP,
  QUEUE_OVERFLOWS,
  QUEUED,
} from './families.js';
import type { MetricRow, MetricSource } from './source.js';

function* upstreamsOf(shared: Shared): Generator<Upstream> {
  for (const [, object] of shared.entries()) if (object instanceof Upstream) yield object;
}

function* breakersOf(shared: Shared): Generator<Breaker> {
  for (const [, object] of shared.entries()) if (object instanceof Breaker) yield object;
}

/** State of a server in this process, as the API names it, or `ejected`. */
function stateOf(peer: Peer, now: number): string {
  if (peer.settings.down !== false) return peer.settings.down === 'drain' ? 'draining' : 'down';
  if (peer.health !== 'up') return peer.health;
  if (now < peer.ejectedUntil) return 'ejected';
  return peer.usable(now) || peer.full ? 'up' : 'unavail';
}

export const upstreams: MetricSource = {
  attach(shared, metrics) {
    for (const upstream of upstreamsOf(shared)) {
      upstream.record(upstreamRecorder(metrics, upstream.name));
      const { observer } = upstream;
      metrics.sample(QUEUE_OVERFLOWS, [upstream.name], observer, () => observer.queue?.overflows ?? 0);
    }
    for (const breaker of breakersOf(shared)) {
      metrics.sample(BREAKER_REFUSALS, [breaker.subject], breaker, () => breaker.refusals);
    }
  },
  gauges(shared) {
    const now = Date.now();
    const rows: MetricRow[] = [];
    for (const upstream of upstreamsOf(shared)) {
      const { name, observer, sessions } = upstream;
      for (const peer of upstream.current().all) {
        const state = stateOf(peer, now);
        rows.push(
          [PEER_UP, state === 'up' ? 1 : 0, name, peer.name],
          [PEER_STATE, 1, name, peer.name, state],
          [PEER_ACTIVE, peer.conns, name, peer.name],
        );
      }
      rows.push([KEPT_ALIVE, sessions.count, name]);
      if (observer.queue !== null) rows.push([QUEUED, observer.queue.size, name]);
    }
    for (const { subject, state } of breakersOf(shared)) {
      for (const each of ['closed', 'open', 'half_open']) {
        rows.push([BREAKER_STATE, each === state ? 1 : 0, subject, each]);
      }
    }
    return rows;
  },
  async shared(shared) {
    const rows: MetricRow[] = [];
    for (const { name, health } of upstreamsOf(shared)) {
      for (const { peer, checks, fails } of (await health?.results()) ?? []) {
        rows.push([PEER_CHECKS, checks - fails, name, peer, 'passed'], [PEER_CHECKS, fails, name, peer, 'failed']);
      }
    }
    return rows;
  },
};
