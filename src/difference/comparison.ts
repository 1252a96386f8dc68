/** Lists the changes between two configurations. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { Place } from '../config/place.js';
import type { Change } from './change.js';
import { expressionsIn, locationName, locationOf, locationsIn } from './locations.js';
import { labelOf } from './meaning.js';
import { pairServers } from './pairs.js';
import { comparePeers } from './peers.js';
import type { ServerView } from './servers.js';
import { type Reasons, type Side, type Sides, unequal } from './side.js';

/** A block of the old configuration and its counterpart in the new one. */
interface Pair {
  readonly before: CheckedBlock;
  readonly after: CheckedBlock;
}

/** Changed directives of a pair of blocks, with the number of locations that each affects. */
class Found {
  readonly directives = new Map<string, number>();
  /** Of the locations whose meaning differs, the number that do because of this block. */
  locations = 0;

  add(directive: string, location: boolean): void {
    this.directives.set(directive, (this.directives.get(directive) ?? 0) + (location ? 1 : 0));
  }
}

export class Comparison {
  private readonly old: Side;
  private readonly fresh: Side;
  private readonly changes: Change[] = [];
  /** Changed directives by old block. */
  private readonly found = new Map<CheckedBlock, Found>();
  /** Number of locations that refer to a changed entry, by its label. */
  private readonly referenceCounts = new Map<string, number>();
  /** Deferred changes of servers and their locations, listed after those of the enclosing blocks. */
  private readonly deferred: (() => void)[] = [];

  constructor(private readonly sides: Sides) {
    this.old = sides.old;
    this.fresh = sides.fresh;
  }

  /** Yields after each server and location. */
  *run(): Generator<void, readonly Change[]> {
    yield* this.compareServers();
    this.compareLevels();
    this.compareListeners();
    this.compareEntries();
    this.compareUpstreams();
    for (const addChange of this.deferred) {
      addChange();
      yield;
    }
    return this.changes;
  }

  private add(change: Partial<Change> & Pick<Change, 'kind' | 'change' | 'name'>): void {
    this.changes.push({ within: '', before: null, after: null, directives: [], locations: 0, ...change });
  }

  // -- servers and locations

  private *compareServers(): Generator<void, void> {
    const { pairs, removed, added } = pairServers(this.old.servers, this.fresh.servers);
    yield;
    for (const [before, after] of pairs) {
      yield* this.compareServer(before, after);
      yield;
    }
    for (const view of removed) {
      this.deferred.push(() =>
        this.add({ kind: 'server', change: 'removed', name: serverName(view, this.old), before: view.block.at }),
      );
    }
    for (const view of added) {
      this.deferred.push(() =>
        this.add({ kind: 'server', change: 'added', name: serverName(view, this.fresh), after: view.block.at }),
      );
    }
  }

  private *compareServer(before: ServerView, after: ServerView): Generator<void, void> {
    const pair: Pair = { before: before.block, after: after.block };
    const { directives, steps } = this.compare([pair], false);
    const own = [...steps];
    if (!sameSet(before.listens, after.listens)) own.push('listen');
    if (before.names.join(' ') !== after.names.join(' ')) own.push('server_name');
    if (expressionsMoved(pair)) own.push('location');
    const found = this.foundIn(pair.before);
    for (const name of [...directives, ...own]) found.add(name, false);
    const name = serverName(after, this.fresh);
    this.deferred.push(() => this.addChanged('server', name, '', pair));
    yield* this.compareLocations([pair], `server ${name}`);
  }

  /** Compares the locations in the first of the pairs; the others are the enclosing blocks. */
  private *compareLocations(chain: readonly Pair[], within: string): Generator<void, void> {
    const [pair] = chain;
    if (pair === undefined) return;
    const before = locationsIn(pair.before);
    const after = locationsIn(pair.after);
    for (const [key, block] of before) {
      const name = locationName(locationOf(block));
      const other = after.get(key);
      if (other === undefined) {
        this.deferred.push(() => this.add({ kind: 'location', change: 'removed', name, within, before: block.at }));
        continue;
      }
      const inner: Pair = { before: block, after: other };
      const { directives, steps, references } = this.compare([inner, ...chain], true);
      const own = [...directives, ...steps];
      if (locationOf(block).noRegex !== locationOf(other).noRegex || expressionsMoved(inner)) own.push('location');
      const found = this.foundIn(block);
      for (const directive of own) found.add(directive, true);
      for (const label of references) this.referenceCounts.set(label, (this.referenceCounts.get(label) ?? 0) + 1);
      this.deferred.push(() => this.addChanged('location', name, within, inner));
      yield* this.compareLocations([inner, ...chain], within);
      yield;
    }
    for (const [key, block] of after) {
      if (before.has(key)) continue;
      const name = locationName(locationOf(block));
      this.deferred.push(() => this.add({ kind: 'location', change: 'added', name, within, after: block.at }));
    }
  }

  /**
   * Differences in the first pair of a chain. A directive that is inherited on both sides is attributed to the block
   * that sets it, and is not part of the result.
   */
  private compare(chain: readonly Pair[], location: boolean): Reasons {
    const whole = [...chain, ...this.outermost()];
    const { directives, steps, references } = this.sides.compare(
      whole.map(({ before }) => before),
      whole.map(({ after }) => after),
    );
    const own: string[] = [];
    for (const directive of directives) {
      const at = whole.findIndex((pair) => pair.before.own.includes(directive) || pair.after.own.includes(directive));
      const source = whole[Math.max(at, 0)];
      if (at <= 0 || source === undefined) own.push(directive);
      else this.foundIn(source.before).add(directive, location);
    }
    return { directives: own, steps, references };
  }

  private outermost(): Pair[] {
    const { old, fresh } = this;
    const http = old.http === null || fresh.http === null ? [] : [{ before: old.http, after: fresh.http }];
    return [...http, { before: old.config, after: fresh.config }];
  }

  private foundIn(block: CheckedBlock): Found {
    let found = this.found.get(block);
    if (found === undefined) this.found.set(block, (found = new Found()));
    return found;
  }

  private addChanged(kind: Change['kind'], name: string, within: string, { before, after }: Pair): void {
    const { directives } = this.foundIn(before);
    if (directives.size === 0) return;
    const locations = Math.max(0, ...directives.values());
    const names = [...directives.keys()].sort();
    this.add({
      kind,
      change: 'changed',
      name,
      within,
      before: before.at,
      after: after.at,
      directives: names,
      locations,
    });
  }

  // -- main, events and http

  private compareLevels(): void {
    const { old, fresh } = this;
    this.compareLevel(old.config, fresh.config, '');
    this.compareLevel(eventsOf(old), eventsOf(fresh), 'events');
    this.compareLevel(old.http, fresh.http, 'http');
  }

  /** Lists the changes of directives that apply only to a block itself, and of those that others inherit from it. */
  private compareLevel(before: CheckedBlock | null, after: CheckedBlock | null, within: string): void {
    const { old, fresh } = this;
    const found = before === null ? new Found() : this.foundIn(before);
    const one = before === null ? NO_TEXTS : old.meanings.of(before, []).directives;
    const other = after === null ? NO_TEXTS : fresh.meanings.of(after, []).directives;
    for (const name of unequal(one, other)) if (within !== 'http' || this.isAlone(name)) found.add(name, false);
    for (const [name, locations] of [...found.directives].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const was = before?.places?.[name]?.[0] ?? null;
      const is = after?.places?.[name]?.[0] ?? null;
      const change = was === null && is !== null ? 'added' : was !== null && is === null ? 'removed' : 'changed';
      this.add({ kind: 'directive', change, name, within, before: was, after: is, locations });
    }
  }

  /** Whether a directive of http is not inherited by nested blocks and has no named entries. */
  private isAlone(directive: string): boolean {
    const spec = this.old.meanings.spec(directive, 'http');
    const inherited = spec?.contexts.some((each) => each === 'server' || each === 'location') === true;
    return !inherited && spec?.links === undefined;
  }

  private compareListeners(): void {
    const before = this.old.servers.listeners;
    const after = this.fresh.servers.listeners;
    const all = new Set([...before.keys(), ...after.keys()]);
    for (const key of all) {
      const [a, b] = [before.get(key), after.get(key)];
      const places = { before: a?.at ?? null, after: b?.at ?? null };
      if (a === undefined) this.add({ kind: 'listener', change: 'added', name: key, ...places });
      else if (b === undefined) this.add({ kind: 'listener', change: 'removed', name: key, ...places });
      else {
        const directives = a.options === b.options ? [] : ['listen'];
        const [one, other] = [this.old.servers.view(a.defaultServer), this.fresh.servers.view(b.defaultServer)];
        if (!one?.names.some((name) => other?.names.includes(name))) directives.push('default_server');
        if (directives.length > 0) this.add({ kind: 'listener', change: 'changed', name: key, ...places, directives });
      }
    }
  }

  /** Lists the changes of named entries of http's directives: `map`, `log_format`, zones. */
  private compareEntries(): void {
    const before = this.old.meanings.named;
    const after = this.fresh.meanings.named;
    for (const name of new Set([...before.keys(), ...after.keys()])) {
      const [a, b] = [before.get(name), after.get(name)];
      const entry = b ?? a;
      if (entry === undefined || entry.block !== null || (a?.text === b?.text && a?.directive === b?.directive))
        continue;
      this.add({
        kind: 'directive',
        change: a === undefined ? 'added' : b === undefined ? 'removed' : 'changed',
        name: labelOf(entry),
        within: 'http',
        before: a?.at ?? null,
        after: b?.at ?? null,
        locations: this.referenceCounts.get(labelOf(entry)) ?? 0,
      });
    }
  }

  private compareUpstreams(): void {
    const before = this.old.meanings.named;
    const after = this.fresh.meanings.named;
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      const [a, b] = [before.get(key)?.block ?? null, after.get(key)?.block ?? null];
      const block = b ?? a;
      if (block === null) continue;
      const name = String(block.argument);
      const locations = this.referenceCounts.get(`upstream ${name.toLowerCase()}`) ?? 0;
      const places: { before: Place | null; after: Place | null } = { before: a?.at ?? null, after: b?.at ?? null };
      if (a === null || b === null) {
        this.add({ kind: 'upstream', change: a === null ? 'added' : 'removed', name, ...places, locations });
        continue;
      }
      const { directives, steps } = this.sides.compare([a], [b]);
      const peers = comparePeers(a, b);
      const names = [...directives, ...steps].filter((each) => each !== 'server');
      if (peers.moved) names.push('server');
      if (names.length > 0) {
        this.add({ kind: 'upstream', change: 'changed', name, ...places, directives: names.sort(), locations });
      }
      for (const peer of peers.changes) this.add({ kind: 'peer', within: `upstream ${name}`, ...peer });
    }
  }
}

const NO_TEXTS: ReadonlyMap<string, string> = new Map();

function eventsOf({ config }: Side): CheckedBlock | null {
  return config.blocks.find(({ context }) => context === 'events') ?? null;
}

/**
 * Display name of a server: its first name; with its addresses if others have the same name, and only the addresses if
 * it has none.
 */
function serverName({ names, listens }: ServerView, { servers }: Side): string {
  const [name = ''] = names;
  if (name === '') return listens.join(', ');
  return servers.all.filter((each) => each.names[0] === name).length === 1 ? name : `${name} (${listens.join(', ')})`;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}

/** Whether the regular expressions common to both are tried in another order. */
function expressionsMoved({ before, after }: Pair): boolean {
  const [a, b] = [expressionsIn(before), expressionsIn(after)];
  const [common, other] = [a.filter((key) => b.includes(key)), b.filter((key) => a.includes(key))];
  return common.join('\n') !== other.join('\n');
}
