/**
 * Moves WebSockets of an upstream to servers that have joined it: the oldest ones of the most loaded servers receive a Close
 * frame, so that their clients connect again and are balanced anew.
 */
import type { ErrorLog } from '../logging/error-log.js';
import { now } from '../net/deadlines.js';
import type { Peer } from '../upstream/peer.js';
import type { Rebalancing } from '../upstream/upstream-observer.js';
import { SERVICE_RESTART } from '../websocket/close-codes.js';
import type { Tunnels } from './tunnels.js';

/** `tunnel_rebalance`; times in ms. */
export interface RebalanceSettings {
  /** Part of the upstream's tunnels that may be moved at the same time: above 0, at most 1. */
  readonly share: number;
  /** Time over which their Close frames are spread. */
  readonly spread: number;
  /** Time after its Close frame at which a tunnel is cut. */
  readonly timeout: number;
}

/** A server with its tunnels. */
export interface LoadedServer<T> {
  readonly weight: number;
  /** Number of tunnels that are not leaving. */
  load: number;
  /** The tunnels that may be moved, oldest first. */
  readonly tunnels: readonly T[];
}

/** Chooses up to `limit` tunnels so that loads relative to weights become equal: the oldest of the most loaded server first. */
export function chooseTunnels<T>(servers: readonly LoadedServer<T>[], limit: number): T[] {
  const chosen: T[] = [];
  const loads = servers.map(({ load, weight, tunnels }) => ({ load, weight, tunnels, taken: 0 }));
  while (chosen.length < limit) {
    let most = loads[0];
    let least = loads[0];
    for (const each of loads) {
      if (most === undefined || each.load * most.weight > most.load * each.weight) most = each;
      if (least === undefined || (each.load + 1) * least.weight < (least.load + 1) * each.weight) least = each;
    }
    const tunnel = most?.tunnels[most.taken];
    if (most === undefined || least === undefined || tunnel === undefined) break;
    // Moving another tunnel would not make the loads more equal.
    if (most.load * least.weight <= (least.load + 1) * most.weight) break;
    chosen.push(tunnel);
    most.taken++;
    most.load--;
    least.load++;
  }
  return chosen;
}

/** Delay after a server has joined, ms: several may join together, and a reload moves tunnels to its generation first. */
const DELAY = 100;

export class Rebalancer implements Rebalancing {
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly upstream: { readonly name: string; current(): { readonly peers: readonly Peer[] } },
    private readonly settings: RebalanceSettings,
    private readonly tunnels: Tunnels,
    private readonly errorLog: ErrorLog,
  ) {}

  joined(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.rebalance();
    }, DELAY).unref();
  }

  /** Moves tunnels of this process, as far as loads differ and the share allows; returns their number. */
  rebalance(): number {
    const { upstream, tunnels } = this;
    const { share, spread, timeout } = this.settings;
    const time = Date.now();
    const own = tunnels.of(upstream.name);
    // Tunnels that are leaving count towards the share, not as load of their servers.
    const leaving = own.filter((tunnel) => tunnel.leaving).length;
    const servers = upstream
      .current()
      .peers.filter((peer) => peer.usable(time))
      .map(({ name, weight }) => {
        const staying = own.filter((tunnel) => !tunnel.leaving && tunnel.target.address === name);
        return { weight, load: staying.length, tunnels: staying.filter(({ frames }) => frames) };
      });
    const limit = Math.floor(own.length * share) - leaving;
    const chosen = servers.length < 2 ? [] : chooseTunnels(servers, limit);
    for (const [i, tunnel] of chosen.entries()) {
      const at = now() + (i * spread) / chosen.length;
      tunnel.leave({ code: SERVICE_RESTART, reason: 'rebalancing', at, deadline: at + timeout });
    }
    if (chosen.length > 0) {
      const seconds = spread / 1000;
      const text = `upstream "${upstream.name}": ${chosen.length} of ${own.length} tunnels are moved within ${seconds} s`;
      this.errorLog.write('notice', text);
    }
    return chosen.length;
  }
}
