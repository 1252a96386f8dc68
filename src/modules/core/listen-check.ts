/** Checks for duplicate addresses and names among all servers. */
import type { Word } from '../../../grammar/syntax-tree.js';
import type { CheckedBlock, CheckedConfig } from '../../config/checked-config.js';
import type { CheckContext } from '../../config/module-declaration.js';
import type { SocketOptions } from '../../routing/listen-data.js';
import { listensOf, writtenListens } from '../../routing/listen-data.js';
import { Listeners, listenAddresses, listenKey } from '../../routing/listeners.js';
import { WildcardNames } from '../../routing/wildcard-names.js';
import { ProtocolOptions } from './listen-protocols.js';
import type { NameData } from './server-name.js';
import { namesOf } from './servers.js';

/** Addresses and names of the servers checked so far. */
interface CheckedServers {
  readonly listeners: Listeners<CheckedBlock, SocketOptions>;
  /** Protocol options by address. */
  readonly protocols: Map<string, ProtocolOptions>;
  /** Server names by address. */
  readonly names: Map<string, WildcardNames<Word | null>>;
  /** Addresses of more than one server. Only these have name-based selection, and only there does nginx check names. */
  readonly sharedAddresses: ReadonlySet<string>;
}

const checkedServers = new WeakMap<CheckedConfig, CheckedServers>();

/** Checks one server against the previous ones. Called in the order of the configuration. */
export function checkListens(block: CheckedBlock, c: CheckContext): void {
  let checked = checkedServers.get(c.config);
  if (checked === undefined) {
    checked = {
      listeners: new Listeners(),
      protocols: new Map(),
      names: new Map(),
      sharedAddresses: sharedAddresses(c.all('server')),
    };
    checkedServers.set(c.config, checked);
  }
  const names = writtenNames(block, c);
  const listens = c.statements('listen');
  // An invalid `listen` has a finding of its own, but its position among the valid ones is unknown. If all are invalid,
  // the default address does not apply.
  if (listens.length > 0 && block.values.listen === undefined) return;
  const values = writtenListens(block);
  if (listens.length > 0 && listens.length !== values.length) return;
  const keys = new Set<string>();
  for (const [i, { address, options, quic }] of values.entries()) {
    // Host names are resolved at start.
    if (address.family === 'name' || quic) continue;
    for (const each of listenAddresses(address)) {
      const mistake = checked.listeners.add(block, each, options);
      const at = listens[i]?.args[0];
      if (mistake !== null && at !== undefined) {
        c.report(at, 'duplicate-definition', mistake, helpFor(mistake));
      }
      const key = listenKey(each);
      if (mistake === null && redefines(options, key, checked) && at !== undefined) {
        c.report(at, 'duplicate-definition', `protocol options redefined for ${key}`, {
          severity: 'warning',
          help: 'an address has a protocol option if any of its listen directives has it: give all of them the same',
        });
      }
      keys.add(key);
    }
  }
  for (const key of keys) checkNames(names, key, checked, c);
}

function redefines(options: SocketOptions, key: string, { protocols }: CheckedServers): boolean {
  const known = protocols.get(key);
  if (known === undefined) protocols.set(key, new ProtocolOptions(options));
  return known?.add(options) ?? false;
}

function sharedAddresses(servers: readonly CheckedBlock[]): ReadonlySet<string> {
  const addresses = new Set<string>();
  const shared = new Set<string>();
  for (const server of servers) {
    const own = new Set<string>();
    for (const { address } of listensOf(server)) {
      if (address.family !== 'name') for (const each of listenAddresses(address)) own.add(listenKey(each));
    }
    for (const key of own) {
      if (addresses.has(key)) shared.add(key);
      addresses.add(key);
    }
  }
  return shared;
}

function helpFor(mistake: string): { help: string } {
  if (mistake.startsWith('a duplicate default'))
    return { help: 'another server of this address is already the default' };
  if (mistake.startsWith('duplicate listen options')) {
    return { help: 'specify socket options in only one listen of an address' };
  }
  return { help: 'the server already listens on this address' };
}

interface WrittenName {
  readonly data: NameData;
  readonly at: Word | null;
}

function writtenNames(block: CheckedBlock, c: CheckContext): readonly WrittenName[] {
  const words = c.statements('server_name').flatMap(({ args }) => args);
  const names = namesOf(block);
  // Invalid names have findings of their own.
  if (words.length > 0 && block.values.server_name === undefined) return [];
  const sameName = (data: NameData) => words.find(({ text }) => text.toLowerCase() === data.name);
  return names.map((data, i) => ({ data, at: (words.length === names.length ? words[i] : sameName(data)) ?? null }));
}

function checkNames(names: readonly WrittenName[], key: string, checked: CheckedServers, c: CheckContext): void {
  let namesOfAddress = checked.names.get(key);
  if (namesOfAddress === undefined) {
    namesOfAddress = new WildcardNames();
    checked.names.set(key, namesOfAddress);
  }
  for (const { data, at } of names) {
    if (data.pattern !== null) continue;
    const outcome = namesOfAddress.add(data.name, at);
    const place = at ?? c.opener?.name;
    if (outcome === 'added' || place === undefined) continue;
    if (outcome === 'invalid') {
      const help = 'only the first or the last label of a name may be "*": *.example.com, www.example.*';
      const isShared = checked.sharedAddresses.has(key);
      c.report(place, 'invalid-value', `invalid server name or wildcard "${data.name}" on ${key}`, {
        ...(!isShared && { severity: 'warning' }),
        help: isShared ? help : `${help}. nginx rejects it if a second server listens on this address`,
      });
      continue;
    }
    const first = namesOfAddress.find(data.name);
    c.report(place, 'duplicate-definition', `conflicting server name "${data.name}" on ${key}, ignored`, {
      severity: 'warning',
      ...(first !== undefined && first !== null && { related: [{ at: first, message: 'first given here' }] }),
    });
  }
}
