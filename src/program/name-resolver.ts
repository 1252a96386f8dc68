/** Name resolution while requests are handled (`resolver`). */
import { SettingsKey } from './settings-key.js';

/** Resolves names at run time (`resolver`). */
export interface NameResolver {
  /** Rejects with an error whose message is nginx's; `timeout` in ms. */
  resolve(
    name: string,
    timeout: number,
  ): Promise<{ readonly ipv4: readonly string[]; readonly ipv6: readonly string[] }>;
}

/** `resolver` of a location, or null, and `resolver_timeout` in ms. */
export const RESOLVER = new SettingsKey<{ readonly resolver: NameResolver | null; readonly timeout: number }>(
  'resolver',
  { resolver: null, timeout: 30_000 },
);
