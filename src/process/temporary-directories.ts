/** Temporary directories (`client_body_temp_path` and the like), created at start as in nginx. */
import { closeSync, existsSync, fchmodSync, fstatSync, rmdirSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../exchange/file-path.js';
import { openDirectory } from '../exchange/trusted-files.js';
import { give, type Owner } from './ownership.js';

/** rwx for the owner. */
const OWNER_MAY_ALL = 0o700;
/** Write permission for others, as on /tmp. */
const OTHERS_MAY_WRITE = 0o002;

/**
 * Creates each missing directory (not its parents) and changes its owner if one is given; throws nginx's message on failure.
 */
export function makeTemporaryDirectories(paths: Iterable<string>, owner: Owner | null): void {
  for (const path of paths) {
    let descriptor: number;
    try {
      descriptor = openDirectory(path);
    } catch (error) {
      throw new Error(`mkdir() "${path}" failed (${errnoText(error)})`);
    }
    try {
      if (owner !== null) giveDirectory(descriptor, path, owner);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Checks that each directory could be created, without leaving new ones behind; throws nginx's message otherwise. */
export function tryTemporaryDirectories(paths: Iterable<string>): void {
  for (const path of paths) {
    const existed = existsSync(nativePath(path));
    makeTemporaryDirectories([path], null);
    if (!existed) rmdirSync(nativePath(path));
  }
}

function giveDirectory(descriptor: number, path: string, owner: Owner): void {
  const { mode } = fstatSync(descriptor);
  // /tmp stays root's: the owner of a directory may remove anyone's files from it.
  if ((mode & OTHERS_MAY_WRITE) !== 0) return;
  give(descriptor, path, owner);
  if ((mode & OWNER_MAY_ALL) === OWNER_MAY_ALL) return;
  try {
    fchmodSync(descriptor, (mode & 0o7777) | OWNER_MAY_ALL);
  } catch (error) {
    throw new Error(`chmod() "${path}" failed (${errnoText(error)})`);
  }
}
