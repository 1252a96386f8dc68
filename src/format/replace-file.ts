/** Replaces the content of a file atomically: concurrent readers see the old or the new text, never a part. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';

/**
 * Writes a text to a temporary file with the same mode and owner, and renames it. A symbolic link is kept, and its target
 * is replaced. Throws a system error and leaves the file unchanged if the file or its directory is not writable, or if
 * its owner cannot be preserved. Path and text are byte strings.
 */
export function replaceFile(path: string, text: string): void {
  const target = realpathSync(bytes(path), { encoding: 'buffer' });
  const temporary = writeBeside(target, text);
  try {
    renameSync(temporary, target);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}

/** Writes a text to a temporary file with the mode and owner of `target`; returns its path. Throws like `replaceFile`. */
export function writeBeside(target: Buffer, text: string): Buffer {
  accessSync(target, constants.W_OK);
  const { mode, uid, gid } = statSync(target);
  const temporary = bytes(temporaryPath(target.latin1Slice()));
  const file = openSync(temporary, 'wx', 0o600);
  try {
    const content = bytes(text);
    for (let offset = 0; offset < content.length; ) offset += writeSync(file, content, offset);
    const created = fstatSync(file);
    if (created.uid !== uid || created.gid !== gid) fchownSync(file, uid, gid);
    fchmodSync(file, mode & 0o7777);
    fsyncSync(file);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(file);
  }
  return temporary;
}

/** A name in the same directory that begins with a dot, so that no include pattern matches it. */
function temporaryPath(path: string): string {
  const name = path.lastIndexOf('/') + 1;
  return `${path.slice(0, name)}.${path.slice(name)}.${randomBytes(6).toString('hex')}`;
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
