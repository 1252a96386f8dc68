/** Operations behind `keyval_zone`. */
import { type KeyChange, type KeyChangeAnswer, type KeyValue, KeyValues } from './key-values.js';
import type { Operation } from './operation.js';

export interface KeyValueState {
  /** Whether the contents of the state file, if any, are in the zone. */
  readonly loaded: boolean;
  /** Number of changes so far. */
  readonly version: number;
  readonly entries: readonly KeyValue[];
}

/** The entries of a zone; null if the backend does not respond. */
export const readKeyValues: Operation<{ readonly zone: number }, KeyValueState | null> = {
  name: 'keyval read',
  fallback: null,
  run(owner, { zone }) {
    const values = owner.zone(zone, KeyValues);
    if (values === undefined) return null;
    const entries = values.snapshot(owner.now);
    return { loaded: values.isLoaded, version: values.version, entries };
  },
};

/** Adds the entries of a state file, unless another process has done so. */
export const loadKeyValues: Operation<{ readonly zone: number; readonly entries: readonly KeyValue[] }, null> = {
  name: 'keyval load',
  fallback: null,
  run(owner, { zone, entries }) {
    owner.zone(zone, KeyValues)?.load(entries, owner.now);
    return null;
  },
};

export interface KeyChanges {
  readonly zone: number;
  readonly mode: 'add' | 'modify';
  readonly changes: readonly KeyChange[];
}

/** Changes keys, all of them or none. */
export const changeKeyValues: Operation<KeyChanges, KeyChangeAnswer> = {
  name: 'keyval change',
  fallback: { result: 'unanswered', key: '' },
  run: (owner, { zone, mode, changes }) =>
    owner.zone(zone, KeyValues)?.change(mode, changes, owner.now) ?? { result: 'unanswered', key: '' },
};

/** Removes all keys; false if the backend does not respond. */
export const clearKeyValues: Operation<{ readonly zone: number }, boolean> = {
  name: 'keyval clear',
  fallback: false,
  run(owner, { zone }) {
    owner.zone(zone, KeyValues)?.clear();
    return true;
  },
};
