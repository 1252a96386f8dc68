/** nginx's `ngx_http_upstream_least_time_module`: load balancing by response times. */
import { performance } from 'node:perf_hooks';
import { custom } from '../config/argument-types.js';
import { defineModule } from '../program/module.js';
import type { Session } from '../program/session.js';
import type { Balancer, Outcome, Selection } from '../upstream/balancer.js';
import { checkBalancingMethod } from '../upstream/balancing-method.js';
import { useBalancer } from '../upstream/configured.js';
import type { Peer, PeerGroup } from '../upstream/peer.js';
import {
  type AttemptTimes,
  estimatedTime,
  PeerTimes,
  recordHeader,
  recordTimes,
  type TimeMode,
} from '../upstream/peer-times.js';
import { type PeerSource, RoundRobinSelection } from '../upstream/round-robin.js';

/**
 * Selects the peer with the least estimated time relative to its weight; ties are resolved by weighted round robin. With
 * `inflight`, active requests that take longer than usual count, too.
 */
class LeastTimeSelection extends RoundRobinSelection {
  /** Whether the current attempt is observed (`inflight`), and its start, ms of the monotonic clock. */
  private observed = false;
  private began = 0;

  constructor(
    x: Session,
    group: PeerGroup,
    private readonly mode: TimeMode,
    private readonly inflight: boolean,
  ) {
    super(x, group);
  }

  protected override choose(now: number): Peer | null {
    if (this.group.single !== null) return this.roundRobin(now);
    do {
      const i = this.fastest(now);
      if (i >= 0) return this.take(i, now);
    } while (this.toBackup());
    return null;
  }

  private fastest(now: number): number {
    const preferred = this.preferredIndex(now);
    if (preferred >= 0) return preferred;
    const { length } = this.group.peers;
    const clock = this.inflight ? performance.now() : 0;
    let best = -1;
    let least = 0;
    let tied = false;
    for (let i = 0; i < length; i++) {
      if (!this.available(i, now)) continue;
      const peer = this.peer(i);
      if (this.inflight) peer.times?.observe(clock);
      const time = estimatedTime(peer, this.mode, now);
      const order = best < 0 ? -1 : time * this.peer(best).weightAt(now) - least * peer.weightAt(now);
      if (order < 0) {
        best = i;
        least = time;
        tied = false;
      } else if (order === 0) tied = true;
    }
    if (!tied) return best;
    const weight = this.peer(best).weightAt(now);
    const isTied = (peer: Peer) => estimatedTime(peer, this.mode, now) * weight === least * peer.weightAt(now);
    return this.roundRobinAmong(best, now, isTied);
  }

  protected override take(i: number, now: number): Peer {
    const peer = super.take(i, now);
    if (this.inflight) {
      this.observed = true;
      this.began = performance.now();
      PeerTimes.of(peer).begin(this.began);
    }
    return peer;
  }

  headReceived(headerTime: number): void {
    const peer = this.current;
    if (!this.inflight || this.mode !== 'header' || peer === null) return;
    recordHeader(peer, headerTime);
    this.stopObserving(peer);
  }

  override release(outcome: Outcome, times?: AttemptTimes): void {
    const peer = this.current;
    if (peer !== null) {
      this.stopObserving(peer);
      // Only successful attempts count, so that peers are not preferred because they fail fast.
      if (outcome === 'ok' && times !== undefined) recordTimes(peer, times, !(this.inflight && this.mode === 'header'));
    }
    super.release(outcome, times);
  }

  override decline(): void {
    if (this.current !== null) this.stopObserving(this.current);
    super.decline();
  }

  private stopObserving(peer: Peer): void {
    if (!this.observed) return;
    this.observed = false;
    const clock = performance.now();
    peer.times?.end(clock, clock - this.began);
  }
}

/** Balancer of `least_time`. */
export class LeastTime implements Balancer {
  readonly method = 'least_time';

  constructor(
    private readonly source: PeerSource,
    private readonly mode: TimeMode,
    private readonly inflight: boolean,
  ) {}

  begin(x: Session): Selection {
    return new LeastTimeSelection(x, this.source.current(), this.mode, this.inflight);
  }
}

const module = defineModule({
  name: 'upstream_least_time',
  doc: 'Passes a request to the server with the least average response time and the fewest active connections, relative to its weight.',
  directives: {
    least_time: {
      contexts: ['upstream'],
      takes: custom('header | last_byte [inflight]', 1, 2, ([word, parameter], c) => {
        if (word === undefined) throw new Error('least_time was given no words');
        if (parameter !== undefined && parameter.text !== 'inflight')
          c.fail(parameter, 'invalid-value', `invalid parameter "${parameter.text}"`, {
            help: 'the only parameter is "inflight"',
          });
        // As in nginx, case does not matter.
        const mode = word.text.toLowerCase();
        if (mode !== 'header' && mode !== 'last_byte') {
          return c.fail(word, 'invalid-value', `invalid value "${word.text}"`, {
            help: 'the time until the response "header", or until its "last_byte"',
          });
        }
        return { mode, inflight: parameter !== undefined } as const;
      }),
      inherit: 'none',
      doc: 'Selects the server with the least product of its average response time and the number of its active connections plus the new one, relative to its weight; ties are resolved by weighted round robin. The response time ends when the head of the response is received (`header`), or the whole response (`last_byte`); times within 20 ms count as equal, and times above 5 s as 5 s. With `inflight`, requests that are not yet complete count, too: a server whose active requests take longer than its average gets no further ones. The average of a server that gets no requests is halved for each `fail_timeout`, so that it is tried again. For a connection that is upgraded (WebSocket), the time of the upgrade counts.',
      example: 'least_time last_byte inflight;',
      differs:
        'With a `zone`, workers exchange response times and the ages of active requests within 20 ms; without one, each has its own averages. In nginx the time of an upgraded connection is that until its end.',
      differsSlightly: true,
    },
  },
  check(block, c) {
    checkBalancingMethod('least_time', block, c, { backup: true });
  },
  http(_conf, http, compiler) {
    useBalancer(http, 'least_time', compiler, (upstream, block) => {
      const conf = compiler.conf(module, block).least_time;
      if (conf === undefined) throw new Error(`upstream ${upstream.name} has no least_time`);
      return new LeastTime(upstream, conf.mode, conf.inflight);
    });
  },
});
export default module;
