/** Default directory for temporary files. */

import { accessSync, closeSync, constants, existsSync, lstatSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../files/native-path.js';
import { openDirectory, trustedPath } from '../files/trusted-files.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { Compiler } from './module.js';

/**
 * The first of the following that this process may write to: the directory of that name below the prefix, if the
 * installation has one (nginx's default); one below systemd's `StateDirectory` or `RuntimeDirectory`; a private
 * directory below the system's temporary directory, removed with the last table that uses it. Chosen when the first
 * file is created, so that starting a configuration leaves nothing behind.
 */
class DefaultTemporaryPath implements TemporaryPath {
  readonly levels: readonly number[] = [];
  private chosen: string | null = null;
  /** The private directory, if created. */
  private created: string | null = null;

  constructor(
    private readonly prefix: string,
    private readonly name: string,
    private readonly errorLog: ErrorLog,
  ) {}

  /** Throws if no directory can be created. */
  get path(): string {
    // Programs that clean up /tmp remove old directories, after which any user may create one of that name.
    if (this.chosen === null || !isDirectory(this.chosen)) this.chosen = this.choose();
    return this.chosen;
  }

  private choose(): string {
    const installed = this.prefix + this.name;
    const { STATE_DIRECTORY, RUNTIME_DIRECTORY } = process.env;
    const candidates = existsSync(nativePath(installed)) ? [installed] : [];
    for (const directories of [STATE_DIRECTORY, RUNTIME_DIRECTORY]) {
      // systemd separates several directories by colons.
      const first = directories?.split(':')[0];
      if (first) candidates.push(`${toBytes(first)}/${this.name}`);
    }
    for (const candidate of candidates) {
      try {
        closeSync(openDirectory(candidate));
        accessSync(nativePath(candidate), constants.W_OK | constants.X_OK);
        return candidate;
      } catch (error) {
        this.errorLog.write('warn', `"${candidate}" is not used for temporary files (${errnoText(error)})`);
      }
    }
    this.close();
    this.created = privateDirectory(this.name);
    return this.created;
  }

  /** Removes the private directory, unless it contains files kept by `client_body_in_file_only on`. */
  close(): void {
    const { created } = this;
    this.created = null;
    this.chosen = null;
    if (created === null) return;
    try {
      rmdirSync(nativePath(created));
    } catch {
      // It contains files, or no longer exists.
    }
  }
}

function privateDirectory(name: string): string {
  const start = `${trustedPath(toBytes(tmpdir()))}/tsproxy-${name}-`;
  let path: string;
  try {
    path = toBytes(mkdtempSync(toText(start)));
  } catch (error) {
    throw new Error(`mkdtemp() "${start}XXXXXX" failed (${errnoText(error)})`);
  }
  closeSync(openDirectory(path));
  return path;
}

/** Whether the path is a directory that no other user controls. */
function isDirectory(path: string): boolean {
  try {
    return lstatSync(nativePath(trustedPath(path))).isDirectory();
  } catch {
    return false;
  }
}

/** Returns the default as a directive value; shared within a table and with its successors. */
export function defaultTemporaryPath(compiler: Compiler, name: string): TemporaryPath {
  const { shared, previous, prefix, errorLog } = compiler;
  const key = `default temporary path ${prefix}${name}`;
  return (
    shared.get<TemporaryPath>(key) ??
    shared.set(key, previous?.get<TemporaryPath>(key) ?? new DefaultTemporaryPath(prefix, name, errorLog))
  );
}
