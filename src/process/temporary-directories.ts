/** Temporary directories (`client_body_temp_path` and the like), created at start as in nginx. */
import { closeSync, existsSync, fchmodSync, fstatSync, rmdirSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../files/native-path.js';
import { openDirectory } from '../files/trusted-files.js';
import { changeOwner, type Owner } from './ownership.js';

/** rwx for the owner. */
const OWNER_RWX = 0o700;
/** Write permission for others, as on /tmp. */
const OTHERS_WRITE = 0o002;

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
      if (owner !== null) chownDirectory(descriptor, path, owner);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Checks that each directory could be created, without leaving new ones behind; throws nginx's message otherwise. */
export function checkTemporaryDirectories(paths: Iterable<string>): void {
  for (const path of paths) {
    const existed = existsSync(nativePath(path));
    makeTemporaryDirectories([path], null);
    if (!existed) rmdirSync(nativePath(path));
  }
}

function chownDirectory(descriptor: number, path: string, owner: Owner): void {
  const { mode } = fstatSync(descriptor);
  // /tmp stays root's: the owner of a directory may remove anyone's files from it.
  if ((mode & OTHERS_WRITE) !== 0) return;
  changeOwner(descriptor, path, owner);
  if ((mode & OWNER_RWX) === OWNER_RWX) return;
  try {
    fchmodSync(descriptor, (mode & 0o7777) | OWNER_RWX);
  } catch (error) {
    throw new Error(`chmod() "${path}" failed (${errnoText(error)})`);
  }
}
