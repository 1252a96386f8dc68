/** Default pid file when the configuration names none and the prefix has no `logs/`: in the user's runtime directory. */

import { createHash } from 'node:crypto';
import { accessSync, closeSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { toBytes } from '../diagnostics/byte-string.js';
import { nativePath } from '../files/native-path.js';
import { openDirectory } from '../files/trusted-files.js';
import type { ConfigSource } from './configuration.js';

/**
 * Path of the file, unique for prefix and configuration file, so that `-s` finds it with the same `-p` and `-c`. Creates its
 * directory. Bytes; null if no directory is under this user's sole control.
 */
export function runtimePidFile({ prefix, name }: ConfigSource): string | null {
  for (const directory of directories()) {
    try {
      closeSync(openDirectory(directory));
      accessSync(nativePath(directory), constants.W_OK);
    } catch {
      continue;
    }
    const id = createHash('sha256').update(`${prefix}\0${name}`, 'latin1').digest('hex').slice(0, 16);
    return `${directory}/${id}.pid`;
  }
  return null;
}

/** Candidates, best first: `XDG_RUNTIME_DIR` of a session, `/run` for root, and a subdirectory of the temporary directory. */
function directories(): string[] {
  const uid = process.geteuid?.();
  if (uid === undefined) return [];
  const { XDG_RUNTIME_DIR: session } = process.env;
  const parents = uid === 0 ? ['/run'] : session?.startsWith('/') ? [session] : [];
  const candidates = [...parents.map((parent) => `${parent}/tsproxy`), `${tmpdir()}/tsproxy-${uid}`];
  return candidates.map((path) => toBytes(path));
}
