/**
 * Servers to which requests are passed instead of the hosts that pass directives name: set by a program that runs a
 * configuration on another machine than the one it was written for (`tsproxy dev --upstream`).
 */
import type { Address } from '../config/address.js';
import { SettingsKey } from '../program/settings-key.js';

export interface TargetOverride {
  readonly address: Address;
  /** Whether the connection uses TLS, whatever the scheme of the pass directive. */
  readonly secure: boolean;
}

/** Overrides by name, in lower case: `host`, `host:port`, or `unix:path`. */
export class TargetOverrides {
  private readonly byName: ReadonlyMap<string, TargetOverride>;

  constructor(entries: Iterable<readonly [name: string, override: TargetOverride]>) {
    this.byName = new Map(entries);
  }

  of(address: Address): TargetOverride | null {
    return findByAddress(this.byName, address);
  }
}

/** Finds the entry of an address; a name with a port has precedence over one without. */
export function findByAddress<T>(byName: ReadonlyMap<string, T>, address: Address): T | null {
  if (address.family === 'unix') return byName.get(`unix:${address.path}`.toLowerCase()) ?? null;
  const host = address.host.toLowerCase();
  const name = host.includes(':') ? `[${host}]` : host;
  return byName.get(`${name}:${address.port}`) ?? byName.get(name) ?? null;
}

/** Null: none, as in every configuration that runs as it is written. */
export const TARGET_OVERRIDES = new SettingsKey<TargetOverrides | null>('target_overrides', null);
