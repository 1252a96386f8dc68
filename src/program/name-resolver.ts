/** Name resolution while requests are handled (`resolver`). */
import { SettingsKey } from './settings-key.js';

/** Resolves names at run time (`resolver`). */
export interface NameResolver {
  /**
   * Returns the addresses in the order in which they are used. Rejects with an error whose message is nginx's, or with
   * the reason of `signal`; `timeout` in ms.
   */
  resolve(name: string, timeout: number, signal?: AbortSignal): Promise<{ readonly addresses: readonly string[] }>;
}

/** `resolver` of a location, or null, and `resolver_timeout` in ms. */
export const RESOLVER = new SettingsKey<{ readonly resolver: NameResolver | null; readonly timeout: number }>(
  'resolver',
  { resolver: null, timeout: 30_000 },
);
