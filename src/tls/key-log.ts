/** `ssl_key_log`, `proxy_ssl_key_log`: the secrets of connections, for decrypting captured traffic (NSS key log format). */
import { closeSync, openSync, writeSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import { trustedPath } from '../files/trusted-files.js';
import type { ErrorLog } from '../logging/error-log.js';
import { StartError } from '../program/compiler.js';
import type { Compiler } from '../program/module.js';

/** Only the owner may read secrets. */
const MODE = 0o600;

class KeyLog {
  private descriptor: number;

  /** Throws StartError if the file cannot be opened. */
  constructor(
    readonly path: string,
    private readonly errorLog: ErrorLog,
  ) {
    this.descriptor = this.open();
  }

  private open(): number {
    try {
      return openSync(Buffer.from(trustedPath(this.path), 'latin1'), 'a', MODE);
    } catch (error) {
      throw new StartError(`open() "${this.path}" failed (${errnoText(error)})`, null);
    }
  }

  /** Appends a line, which ends with a line break. A failure is logged. */
  readonly write = (line: Buffer): void => {
    if (this.descriptor < 0) return;
    try {
      writeSync(this.descriptor, line);
    } catch (error) {
      this.errorLog.write('alert', `write() to "${this.path}" failed (${errnoText(error)})`);
    }
  };

  /** Opens the file anew, after it was moved (USR1). */
  reopen(): void {
    const before = this.descriptor;
    this.descriptor = this.open();
    closeSync(before);
  }

  close(): void {
    closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

/** Returns the writer of a directive's file; blocks and reloads with the same file share it. Null: not logged. */
export function compiledKeyLog(path: string | undefined, compiler: Compiler): ((line: Buffer) => void) | null {
  if (path === undefined || path === 'off' || compiler.onlyTest) return null;
  const key = `key log ${path}`;
  const { shared, previous, errorLog } = compiler;
  const log = shared.get<KeyLog>(key) ?? shared.set(key, previous?.get<KeyLog>(key) ?? new KeyLog(path, errorLog));
  return log.write;
}
