/** Replaces the content of a file in one step: whoever reads it meanwhile finds the old or the new text, never a part. */
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
 * Writes a text beside the file, with its mode and owner, and puts that in its place. A symbolic link stays one: what it
 * leads to is replaced. Throws a system error and leaves the file as it is where it may not be written, where its
 * directory may not, or where its owner could not be kept. Path and text are bytes.
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

/** Writes a text into a file beside another one, with its mode and owner; gives the path. Throws as `replaceFile` does. */
export function writeBeside(target: Buffer, text: string): Buffer {
  accessSync(target, constants.W_OK);
  const { mode, uid, gid } = statSync(target);
  const temporary = bytes(beside(target.latin1Slice()));
  const file = openSync(temporary, 'wx', 0o600);
  try {
    const content = bytes(text);
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at);
    const own = fstatSync(file);
    if (own.uid !== uid || own.gid !== gid) fchownSync(file, uid, gid);
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

/** A name in the same directory, with a dot at its start: it is matched by no pattern of an include. */
function beside(path: string): string {
  const name = path.lastIndexOf('/') + 1;
  return `${path.slice(0, name)}.${path.slice(name)}.${randomBytes(6).toString('hex')}`;
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
