/** Directives that several locations have in common, moved to their server. */
import type { Directive } from '../crossplane/payload.js';
import type { Server } from '../model.js';

/** Directives that belong to locations. */
const OF_LOCATIONS: ReadonlySet<string> = new Set(['health_check', 'health_check_timeout']);

/** Moves settings that all routes have to the server. */
export function withSharedSettings(server: Server): Server {
  const [first] = server.routes;
  if (first === undefined) return server;
  const keys = server.routes.map(({ settings }) => new Set(settings.map((each) => JSON.stringify(each))));
  const isShared = (each: Directive): boolean =>
    !OF_LOCATIONS.has(each.directive) && keys.every((own) => own.has(JSON.stringify(each)));
  const shared = first.settings.filter(isShared);
  const routes = server.routes.map((route) => ({
    ...route,
    settings: route.settings.filter((each) => !isShared(each)),
  }));
  return { ...server, routes, settings: [...server.settings, ...shared] };
}

/** Moves the fields of requests to the server if all locations with an upstream have the same. */
export function withSharedFields(locations: readonly Directive[]): {
  readonly locations: readonly Directive[];
  readonly shared: readonly Directive[];
} {
  const isField = ({ directive: name }: Directive): boolean => name === 'proxy_set_header';
  const isProxy = ({ block }: Directive): boolean =>
    block?.some(({ directive: name }) => name === 'proxy_pass') === true;
  const lists = locations.filter(isProxy).map(({ block = [] }) => block.filter(isField));
  const [first] = lists;
  const isSame = new Set(lists.map((each) => JSON.stringify(each))).size === 1;
  if (first === undefined || first.length === 0 || lists.length < 2 || !isSame) return { locations, shared: [] };
  const without = (location: Directive): Directive =>
    location.block === undefined ? location : { ...location, block: location.block.filter((each) => !isField(each)) };
  return { locations: locations.map(without), shared: first };
}

/** Leaves each check of an upstream in one location. */
export function withoutRepeatedChecks(servers: readonly Directive[][]): Directive[][] {
  const known = new Set<string>();
  const inLocation = (location: Directive): Directive => {
    const { block: items } = location;
    const target = items?.find(({ directive: name }) => name === 'proxy_pass')?.args[0];
    if (items === undefined || target === undefined) return location;
    const checks = items.filter(({ directive: name }) => OF_LOCATIONS.has(name));
    if (checks.length === 0) return location;
    const key = JSON.stringify([target, checks]);
    if (known.size !== known.add(key).size) return location;
    return { ...location, block: items.filter(({ directive: name }) => !OF_LOCATIONS.has(name)) };
  };
  return servers.map((items) =>
    items.map((server) => (server.block === undefined ? server : { ...server, block: server.block.map(inLocation) })),
  );
}
