/** Hosts that the routes of a server name, as names of servers. */
import { assuming, atomsOf, type Condition } from '../conditions.js';
import type { Server } from '../model.js';

/** Splits a server for all hosts by the hosts that its routes name, so that they become names of servers. */
export function splitByHost(server: Server): Server[] {
  const { routes, names } = server;
  if (names.length > 0) return [server];
  const conditions = routes.flatMap(({ when, edits }) => [when, ...edits.map((edit) => edit.when)]);
  const lists = conditions.flatMap(atomsOf).flatMap((atom) => (atom.is === 'host' ? [atom.names] : []));
  const hosts = [...new Set(lists.flat())];
  if (hosts.length === 0) return [server];
  // Hosts that the same lists contain share a server.
  const groups = new Map<string, string[]>();
  for (const host of hosts) {
    const key = lists.map((list) => (contains(list, host) ? '1' : '0')).join('');
    groups.set(key, [...(groups.get(key) ?? []), host]);
  }
  const forHost = (host: string | null, own: readonly string[]): Server => {
    const decide = (condition: Condition): Condition =>
      assuming(condition, (atom) => (atom.is !== 'host' ? null : host !== null && contains(atom.names, host)));
    const decided = routes.map((route) => ({
      ...route,
      when: decide(route.when),
      edits: route.edits.map((edit) => ({ ...edit, when: decide(edit.when) })),
    }));
    const kept = decided.filter(({ when }) => when.is !== 'never');
    return {
      ...server,
      names: own,
      routes: kept.map((route) => ({ ...route, edits: route.edits.filter(({ when }) => when.is !== 'never') })),
      comments: host === null ? server.comments : [],
    };
  };
  // The first server is the default one.
  return [forHost(null, []), ...[...groups.values()].map((own) => forHost(own[0] ?? '', own))];
}

/** Whether a list of names has a host, or a pattern that contains it. */
function contains(list: readonly string[], host: string): boolean {
  return list.some(
    (name) =>
      name.toLowerCase() === host.toLowerCase() ||
      (name.startsWith('*.') && host.toLowerCase().endsWith(name.slice(1).toLowerCase())) ||
      (name.endsWith('.*') && host.toLowerCase().startsWith(name.slice(0, -1).toLowerCase())),
  );
}
