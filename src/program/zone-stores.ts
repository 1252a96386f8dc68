/** Stores of the zones of a table (`zone_store`). They are kept on a reload that does not change them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { CheckedConfig } from '../config/checked-config.js';
import { nativePath } from '../files/native-path.js';
import type { ErrorLog } from '../logging/error-log.js';
import { StoreRefused } from '../zones/store/errors.js';
import type { StoreData } from '../zones/store/settings.js';
import { Store } from '../zones/store/store.js';
import { StoreBackend } from '../zones/store/store-backend.js';
import type { ZoneBackend } from '../zones/zone.js';
import type { Compiler, Shared } from './module.js';
import type { Observer } from './observer.js';
import { deriveKey } from './secret.js';

/** Parts of the compiler that are known before any hook runs. */
interface StoreCompiler {
  readonly config: CheckedConfig;
  readonly shared: Shared;
  readonly previous: Shared | null;
  readonly files: ReadonlyMap<string, string>;
  readonly errorLog: ErrorLog;
  readonly secret: Buffer;
  readonly observer: Observer;
}

/**
 * Returns the backend of a table: `local`, or one that also puts questions to the stores that the table declares. A simulation
 * has no connection to them, and begins with empty zones.
 */
export function withStores(compiler: StoreCompiler, local: ZoneBackend): ZoneBackend {
  if (compiler.observer.simulates) return local;
  const stores = new Map<string, Store>();
  for (const { context, values } of compiler.config.blocks) {
    if (context !== 'http') continue;
    for (const data of (values.zone_store ?? []) as readonly StoreData[]) stores.set(data.name, open(data, compiler));
  }
  return stores.size === 0 ? local : new StoreBackend(local, stores);
}

function open({ at: _, ...settings }: StoreData, { shared, previous, files, errorLog, secret }: StoreCompiler): Store {
  const read = (path: string | null): string | null => (path === null ? null : (files.get(path) ?? readSecret(path)));
  const secrets = {
    password: read(settings.passwordFile)?.replace(/\r?\n$/, '') ?? null,
    authorities: read(settings.trustedCertificate),
  };
  // Keys of shared objects are no place for a password.
  const digest = createHash('sha256')
    .update(JSON.stringify([settings, secrets]))
    .digest('base64');
  const key = `connection to store ${digest}`;
  const store =
    previous?.get<Store>(key) ??
    new Store({
      settings,
      secrets,
      node: deriveKey(secret, 'node of zone stores', 12).toString('base64url'),
      log: (level, message) => errorLog.write(level, message),
    });
  shared.set(key, store);
  return shared.set(storeKey(settings.name), store);
}

/** Empty if it cannot be read, which `startStore` reports. */
function readSecret(path: string): string {
  try {
    return readFileSync(nativePath(path), 'latin1');
  } catch {
    return '';
  }
}

function storeKey(name: string): string {
  return `store of zones ${name}`;
}

/** The stores of a table, for metrics. */
export function storesOf(shared: Shared): Store[] {
  const prefix = storeKey('');
  return [...shared.entries()].flatMap(([key, object]) => (key.startsWith(prefix) ? [object as Store] : []));
}

/**
 * Connects to a store before its table serves. An unreachable one is a warning, or an error if `required`; one that refuses to
 * be used as configured is an error. For a process that takes the place of one that died, both are warnings.
 */
export async function startStore(data: StoreData, required: boolean, compiler: Compiler): Promise<void> {
  const store = compiler.shared.get<Store>(storeKey(data.name));
  if (store === undefined) return;
  const { replacement } = compiler;
  const subject = `zone store "${data.name}" (${data.address})`;
  if (store.started) {
    if (required && !replacement && !store.isUp) compiler.fail(`${subject} is not available`, data.at);
    return;
  }
  for (const path of [data.passwordFile, data.trustedCertificate]) {
    if (path !== null && !compiler.files.has(path) && readSecret(path) === '') {
      compiler.fail(`cannot read "${path}" of zone store "${data.name}", or it is empty`, data.at);
    }
  }
  await store.load();
  try {
    await store.start();
  } catch (error) {
    const why = error as Error; // of the connection
    const isRefusal = why instanceof StoreRefused;
    if (replacement || !(required || isRefusal)) {
      store.logUnavailable(why);
      return;
    }
    compiler.fail(`${subject} ${isRefusal ? 'cannot be used' : 'is not available'}: ${why.message}`, data.at);
  }
}
