/** Stores for tests. */

import type { StoreSettings } from '../../src/zones/store/settings.js';
import { Store, type StoreOptions } from '../../src/zones/store/store.js';
import type { RedisServer } from '../kit/redis.js';

/** A store on a server, not connected yet. Its log lines are appended to `lines`. */
export function storeOf(
  server: RedisServer,
  settings: Partial<StoreSettings> = {},
  node = 'node',
  lines: string[] = [],
  secrets: StoreOptions['secrets'] = { password: null, authorities: null },
): Store {
  return new Store({
    settings: {
      name: 'main',
      address: `unix:${server.socket}`,
      host: null,
      port: 0,
      path: server.socket,
      tls: false,
      database: 0,
      user: null,
      passwordFile: null,
      trustedCertificate: null,
      prefix: 'test:',
      timeout: 5000,
      lease: 15_000,
      ...settings,
    },
    secrets,
    node,
    log: (level, message) => lines.push(`${level}: ${message}`),
  });
}

/** A connected store. */
export async function openStore(...args: Parameters<typeof storeOf>): Promise<Store> {
  const store = storeOf(...args);
  await store.load();
  await store.start();
  return store;
}
