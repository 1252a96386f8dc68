/** Operations on the lists of servers that the API changes. */
import type { Operation } from './operation.js';
import { type ServerChange, type ServerChangeAnswer, type ServerListState, ServerLists } from './server-lists.js';

/** The list; null if it was not set, or the backend does not respond. */
export const readServers: Operation<{ readonly zone: number }, ServerListState | null> = {
  name: 'servers read',
  fallback: null,
  run: (owner, { zone }) => owner.zone(zone, ServerLists)?.current ?? null,
};

export interface InitialServers {
  readonly zone: number;
  readonly servers: readonly (readonly string[])[];
}

/** Sets the initial servers, unless another process has done so; returns the list, or null without a response. */
export const loadServers: Operation<InitialServers, ServerListState | null> = {
  name: 'servers load',
  fallback: null,
  run: (owner, { zone, servers }) => owner.zone(zone, ServerLists)?.load(servers) ?? null,
};

export interface ServerListChange {
  readonly zone: number;
  readonly change: ServerChange;
}

export const changeServers: Operation<ServerListChange, ServerChangeAnswer> = {
  name: 'servers change',
  fallback: { result: 'unanswered', id: -1, list: null },
  run: (owner, { zone, change }) =>
    owner.zone(zone, ServerLists)?.change(change) ?? { result: 'unanswered', id: -1, list: null },
};
