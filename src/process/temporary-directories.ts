/** The directories that `client_body_temp_path` and its kin name: made at start, as nginx does. */
import { mkdirSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';

/** Makes each directory that is missing (not its parents); throws nginx's sentence where that fails. */
export function makeTemporaryDirectories(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      mkdirSync(Buffer.from(path, 'latin1'), { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new Error(`mkdir() "${path}" failed (${errnoText(error)})`);
    }
  }
}
