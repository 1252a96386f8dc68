/** The servers in two `upstream` blocks of one name. */
import { type Address, formatAddress } from '../config/address.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { Place } from '../config/place.js';
import { canonical } from './canonical.js';
import type { Change } from './change.js';

/** The part of a `server` that is compared here. */
interface Server {
  readonly written: string;
  readonly address: Address;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly runTime: unknown;
}

type PeerChange = Pick<Change, 'change' | 'name' | 'directives' | 'before' | 'after'>;

interface PlacedServer extends Server {
  readonly place: Place | null;
}

export interface PeerChanges {
  readonly changes: readonly PeerChange[];
  /** Whether the common servers are in another order, which matters to hash methods. */
  readonly moved: boolean;
}

export function comparePeers(before: CheckedBlock, after: CheckedBlock): PeerChanges {
  const [a, b] = [serversOf(before), serversOf(after)];
  const changes: PeerChange[] = [];
  for (const [name, server] of a) {
    const other = b.get(name);
    const places = { before: server.place, after: other?.place ?? null };
    if (other === undefined) changes.push({ change: 'removed', name, directives: [], ...places });
    else if (canonical(parameters(server)) !== canonical(parameters(other))) {
      const [one, two] = [parameters(server), parameters(other)];
      const directives = Object.keys(one).filter((key) => canonical(one[key]) !== canonical(two[key]));
      changes.push({ change: 'changed', name, directives: directives.map(nginxName), ...places });
    }
  }
  for (const [name, { place }] of b) {
    if (!a.has(name)) changes.push({ change: 'added', name, directives: [], before: null, after: place });
  }
  const [common, others] = [[...a.keys()].filter((name) => b.has(name)), [...b.keys()].filter((name) => a.has(name))];
  return { changes, moved: common.join(' ') !== others.join(' ') };
}

/** The address is compared as written, because consistent hashes are computed from it. */
function parameters({ settings, runTime, written }: Server): Readonly<Record<string, unknown>> {
  return { ...settings, resolve: runTime, address: written };
}

/** Servers of a block by address; several lines for one address are numbered. */
function serversOf(block: CheckedBlock): ReadonlyMap<string, PlacedServer> {
  const found = new Map<string, PlacedServer>();
  for (const [i, server] of ((block.values.server ?? []) as readonly Server[]).entries()) {
    const name = formatAddress(server.address);
    let number = 1;
    while (found.has(number === 1 ? name : `${name} #${number}`)) number++;
    found.set(number === 1 ? name : `${name} #${number}`, {
      ...server,
      place: block.places?.server?.[i] ?? null,
    });
  }
  return found;
}

/** `maxFails` is `max_fails` in a configuration. */
function nginxName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
