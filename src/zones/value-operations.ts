/** Operations behind `ssl_session_cache shared:…` and `ssl_ocsp_cache`. */
import type { Operation } from './operation.js';
import { StoredValues } from './stored-values.js';

/** Value of a key. Byte strings. */
export const findValue: Operation<{ readonly zone: number; readonly key: string }, string | null> = {
  name: 'value find',
  fallback: null,
  run: (owner, { zone, key }) => owner.zone(zone, StoredValues)?.find(key, owner.now) ?? null,
};

export interface AddedValue {
  readonly zone: number;
  readonly key: string;
  readonly value: string;
  /** ms. */
  readonly lifetime: number;
}

/** Stores a value. */
export const addValue: Operation<AddedValue, null> = {
  name: 'value add',
  fallback: null,
  run(owner, { zone, key, value, lifetime }) {
    owner.zone(zone, StoredValues)?.add(key, value, lifetime, owner.now);
    return null;
  },
};
