/** What may not be twice among the addresses and names of all servers. */
import type { Word } from '../../../grammar/syntax-tree.js';
import type { CheckedBlock, CheckedConfig } from '../../config/checked-config.js';
import type { CheckContext } from '../../config/module-declaration.js';
import { Listeners, listenAddresses, listenKey } from '../../routing/listeners.js';
import { WildcardNames } from '../../routing/wildcard-names.js';
import type { SocketOptions } from './listen.js';
import type { NameData } from './server-name.js';
import { listensOf, namesOf } from './servers.js';

/** What the servers that were looked at so far have taken. */
interface Taken {
  readonly listeners: Listeners<CheckedBlock, SocketOptions>;
  /** By address. */
  readonly names: Map<string, WildcardNames<Word | null>>;
  /** The addresses of more than one server: only there do names decide, and does nginx look at them. */
  readonly contested: ReadonlySet<string>;
}

const known = new WeakMap<CheckedConfig, Taken>();

/** Checks one server against those before it. Servers come in the order written. */
export function checkListens(block: CheckedBlock, c: CheckContext): void {
  let taken = known.get(c.config);
  if (taken === undefined) {
    taken = { listeners: new Listeners(), names: new Map(), contested: contested(c.all('server')) };
    known.set(c.config, taken);
  }
  const names = writtenNames(block, c);
  const listens = c.statements('listen');
  // A listen that was refused has its finding; which of the others it stands between is not known any more. Where all
  // were, the address that holds without any is not meant.
  if (listens.length > 0 && block.values.listen === undefined) return;
  const values = listensOf(block);
  if (listens.length > 0 && listens.length !== values.length) return;
  const keys = new Set<string>();
  for (const [i, { address, options }] of values.entries()) {
    // What names resolve to shows at start.
    if (address.family === 'name') continue;
    for (const each of listenAddresses(address)) {
      const mistake = taken.listeners.add(block, each, options);
      const at = listens[i]?.args[0];
      if (mistake !== null && at !== undefined) {
        c.report(at, 'duplicate-definition', mistake, helpFor(mistake));
      }
      keys.add(listenKey(each));
    }
  }
  for (const key of keys) checkNames(names, key, taken, c);
}

function contested(servers: readonly CheckedBlock[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const server of servers) {
    const own = new Set<string>();
    for (const { address } of listensOf(server)) {
      if (address.family !== 'name') for (const each of listenAddresses(address)) own.add(listenKey(each));
    }
    for (const key of own) {
      if (seen.has(key)) twice.add(key);
      seen.add(key);
    }
  }
  return twice;
}

function helpFor(mistake: string): { help: string } {
  if (mistake.startsWith('a duplicate default'))
    return { help: 'another server of this address is the default already' };
  if (mistake.startsWith('duplicate listen options')) {
    return { help: 'options of the socket are given once, with one of the listens of an address' };
  }
  return { help: 'the server listens on this address already' };
}

interface WrittenName {
  readonly data: NameData;
  readonly at: Word | null;
}

function writtenNames(block: CheckedBlock, c: CheckContext): readonly WrittenName[] {
  const words = c.statements('server_name').flatMap(({ args }) => args);
  const names = namesOf(block);
  // Names that were refused have their findings.
  if (words.length > 0 && block.values.server_name === undefined) return [];
  const sameName = (data: NameData) => words.find(({ text }) => text.toLowerCase() === data.name);
  return names.map((data, i) => ({ data, at: (words.length === names.length ? words[i] : sameName(data)) ?? null }));
}

function checkNames(names: readonly WrittenName[], key: string, taken: Taken, c: CheckContext): void {
  let here = taken.names.get(key);
  if (here === undefined) {
    here = new WildcardNames();
    taken.names.set(key, here);
  }
  for (const { data, at } of names) {
    if (data.pattern !== null) continue;
    const outcome = here.add(data.name, at);
    const place = at ?? c.opener?.name;
    if (outcome === 'added' || place === undefined) continue;
    if (outcome === 'invalid') {
      const help = 'a "*" stands for the first or the last label of a name: *.example.com, www.example.*';
      const decides = taken.contested.has(key);
      c.report(place, 'invalid-value', `invalid server name or wildcard "${data.name}" on ${key}`, {
        ...(!decides && { severity: 'warning' }),
        help: decides ? help : `${help}. nginx refuses it as soon as a second server listens on this address`,
      });
      continue;
    }
    const first = here.find(data.name);
    c.report(place, 'duplicate-definition', `conflicting server name "${data.name}" on ${key}, ignored`, {
      severity: 'warning',
      ...(first !== undefined && first !== null && { related: [{ at: first, message: 'first given here' }] }),
    });
  }
}
