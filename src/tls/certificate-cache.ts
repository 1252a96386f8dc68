/**
 * Cache of certificates and keys whose names have variables (`ssl_certificate_cache`, `proxy_ssl_certificate_cache`).
 * nginx: ngx_ssl_cache_connection_fetch.
 */
import { statSync } from 'node:fs';
import { type CertifiedKey, certified, KeyMismatch, loadCertificates, loadKey } from '../net/tls-files.js';
import type { Compiler } from '../program/module.js';
import { type CertificateCacheData, isInline } from './arguments.js';

/** An object loaded from a file. */
interface Entry {
  value: unknown;
  /** s */
  created: number;
  accessed: number;
  /** Modification time and number of the file; empty if it cannot be read. */
  version: string;
}

/** Loads an object; `cacheable` is false for encrypted keys, which nginx does not keep. */
type Load<T> = () => { readonly value: T; readonly cacheable: boolean };

export class CertificateCache {
  /** By kind and name, least recently used first. */
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly data: CertificateCacheData) {}

  /** The object of a name; `reload`: whether a cached one must not be used. */
  get<T>(kind: string, name: string, load: Load<T>, reload: boolean): T {
    const key = `${kind}:${name}`;
    const now = Math.floor(Date.now() / 1000);
    const inline = isInline(name);
    const entry = this.entries.get(key);
    this.entries.delete(key);
    if (entry === undefined) {
      const { value, cacheable } = load();
      if (!cacheable) return value;
      this.makeRoom(now);
      this.entries.set(key, { value, created: now, accessed: now, version: inline ? '' : versionOf(name) });
      return value;
    }
    if (!inline && (reload || now - entry.created > this.data.valid)) {
      const version = versionOf(name);
      if (reload || version === '' || version !== entry.version) {
        const { value, cacheable } = load();
        if (!cacheable) return value;
        entry.value = value;
        entry.version = version;
      }
      entry.created = now;
    }
    entry.accessed = now;
    this.entries.set(key, entry);
    return entry.value as T; // the kind determines the type
  }

  /** Removes entries that have not been used for some time, and the oldest one if the cache is full. */
  private makeRoom(now: number): void {
    const { entries, data } = this;
    for (const [key, { accessed }] of entries) {
      if (entries.size < data.max && now - accessed <= data.inactive) break;
      entries.delete(key);
    }
  }
}

function versionOf(path: string): string {
  try {
    const { mtimeMs, ino } = statSync(Buffer.from(path, 'latin1'));
    return `${Math.floor(mtimeMs / 1000)} ${ino}`;
  } catch {
    return '';
  }
}

/** Loads a certificate and its key, from the cache if there is one. Throws TlsFileError. */
export function fetchCertifiedKey(
  certificate: string,
  key: string,
  passwords: readonly string[],
  cache: CertificateCache | null,
): CertifiedKey {
  const load = (reload: boolean): CertifiedKey => {
    const loadChain = () => ({ value: loadCertificates(certificate), cacheable: true });
    const loadPrivate = () => {
      const value = loadKey(key, passwords);
      return { value, cacheable: !value.encrypted };
    };
    const chain = cache === null ? loadChain().value : cache.get('certificate', certificate, loadChain, reload);
    const loaded = cache === null ? loadPrivate().value : cache.get('key', key, loadPrivate, reload);
    return certified(chain, loaded, 'SSL_use_PrivateKey');
  };
  try {
    return load(false);
  } catch (error) {
    // One of the two files was replaced while the other was cached.
    if (cache === null || !(error instanceof KeyMismatch)) throw error;
    return load(true);
  }
}

/** The cache of a directive; blocks that inherit the directive share it. Null without a cache. */
export function compiledCache({ shared }: Compiler, data: CertificateCacheData | null): CertificateCache | null {
  if (data === null) return null;
  const { file, line, column } = data.at;
  const key = `certificate cache:${file}:${line}:${column}`;
  return shared.get<CertificateCache>(key) ?? shared.set(key, new CertificateCache(data));
}
