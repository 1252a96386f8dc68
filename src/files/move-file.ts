/** Moves a complete temporary file to its path. nginx: ngx_ext_rename_file. */
import { copyFileSync, mkdirSync, renameSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path/posix';
import { nativePath } from './native-path.js';

/**
 * Renames a file; creates missing directories with `directoryMode`. To another file system it is copied beside its target
 * first, so that no reader sees an incomplete file. Throws the system's error.
 */
export function moveFile(from: string, path: string, directoryMode: number): void {
  const to = nativePath(path);
  const source = nativePath(from);
  try {
    renameSync(source, to);
    return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') mkdirSync(nativePath(dirname(path)), { recursive: true, mode: directoryMode });
    else if (code !== 'EXDEV') throw error;
  }
  try {
    renameSync(source, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const copy = nativePath(`${path}.${from.slice(from.lastIndexOf('/') + 1)}`);
    try {
      copyFileSync(source, copy);
      renameSync(copy, to);
    } catch (failure) {
      try {
        unlinkSync(copy);
      } catch {
        // It was not created.
      }
      throw failure;
    }
    unlinkSync(source);
  }
}
