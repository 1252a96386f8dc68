/** The directories that `client_body_temp_path` and its kin name: made at start, as nginx does. */
import { mkdirSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import { giveFile, type Owner } from './ownership.js';

/** Makes each directory that is missing (not its parents), and gives it to the owner where there is one; throws nginx's sentence where that fails. */
export function makeTemporaryDirectories(paths: Iterable<string>, owner: Owner | null): void {
  for (const path of paths) {
    try {
      mkdirSync(Buffer.from(path, 'latin1'), { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new Error(`mkdir() "${path}" failed (${errnoText(error)})`);
      }
    }
    if (owner !== null) giveFile(path, owner.uid, owner.gid);
  }
}
