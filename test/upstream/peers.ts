/** Groups of peers for tests, written as in a configuration. */
import type { Selection } from '../../src/upstream/balancer.js';
import { DEFAULT_PEER, Peer, PeerGroup, type PeerSettings } from '../../src/upstream/peer.js';
import type { PeerSource } from '../../src/upstream/round-robin.js';

/** `'a weight=2 backup'`: a server of that name, at a port of its own. */
export function peer(line: string): Peer {
  const [name = '', ...parameters] = line.split(' ');
  const settings: { -readonly [K in keyof PeerSettings]: PeerSettings[K] } = { ...DEFAULT_PEER };
  for (const parameter of parameters) {
    const [key, value] = parameter.split('=');
    if (key === 'weight') settings.weight = Number(value);
    else if (key === 'max_conns') settings.maxConns = Number(value);
    else if (key === 'max_fails') settings.maxFails = Number(value);
    else if (key === 'fail_timeout') settings.failTimeout = Number(value) * 1000;
    else if (key === 'slow_start') settings.slowStart = Number(value) * 1000;
    else if (key === 'down') settings.down = 'down';
    else if (key === 'drain') settings.down = 'drain';
    else if (key === 'route' && value !== undefined) settings.route = value;
    else if (key === 'backup') settings.backup = true;
    else throw new Error(`unknown parameter ${parameter}`);
  }
  return new Peer({ host: name, port: 80 }, settings, name);
}

/** A source whose group can be looked into. */
export class Peers implements PeerSource {
  readonly group: PeerGroup;

  constructor(...lines: string[]) {
    const peers = lines.map(peer);
    const backups = peers.filter(({ settings }) => settings.backup);
    this.group = new PeerGroup(
      peers.filter(({ settings }) => !settings.backup),
      backups.length === 0 ? null : new PeerGroup(backups, null, 'backup'),
    );
  }

  current(): PeerGroup {
    return this.group;
  }

  get(name: string): Peer {
    const found = [...this.group.peers, ...(this.group.backup?.peers ?? [])].find(({ server }) => server === name);
    if (found === undefined) throw new Error(`no peer ${name}`);
    return found;
  }
}

/** The server of the next peer, or null. */
export function nextOf(selection: Selection): string | null {
  return selection.next()?.server ?? null;
}

/** One request that succeeds at the first peer. */
export function pass(selection: Selection): string | null {
  const server = nextOf(selection);
  if (server !== null) selection.release('ok');
  return server;
}
