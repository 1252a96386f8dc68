import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { canRestrict, openRestricted } from '../../src/files/restricted-open.js';

const NO_LINUX = canRestrict ? false : 'it requires Linux';
const NO_ROOT = process.getuid?.() === 0 ? false : 'only root can create files of other users';

describe('files opened without following links', { skip: NO_LINUX }, () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'tsproxy-restricted-'));
    mkdirSync(join(root, 'directory'));
    writeFileSync(join(root, 'directory/file'), 'content');
    symlinkSync('file', join(root, 'directory/link'));
    symlinkSync('directory', join(root, 'linked'));
    symlinkSync('file', join(root, 'directory/foreign'));
    symlinkSync('directory', join(root, 'elsewhere'));
    if (NO_ROOT === false)
      for (const name of ['directory/foreign', 'elsewhere']) lchownSync(join(root, name), 65534, 65534);
  });
  after(() => rmSync(root, { recursive: true }));

  /** The content of a file below the root, or the code of the error. */
  function read(path: string, sameOwner = false, trusted = ''): string {
    const whole = `${root}/${path}`;
    try {
      const fd = openRestricted(
        whole,
        constants.O_RDONLY,
        sameOwner,
        trusted === '' ? 0 : root.length + 1 + trusted.length,
      );
      try {
        return readFileSync(fd, 'latin1');
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      return `${syscall} ${code}`;
    }
  }

  it('are those whose path has no link', () => {
    assert.equal(read('directory/file'), 'content');
    assert.equal(read('directory//./../directory/file'), 'content');
    assert.equal(read('directory/link'), 'openat ELOOP');
    assert.equal(read('linked/file'), 'openat ENOTDIR');
    assert.equal(read('missing/file'), 'openat ENOENT');
    assert.equal(read('directory/file/'), 'openat ENOTDIR');
  });

  it('may have links in the trusted part of the path', () => {
    assert.equal(read('linked/file', false, 'linked'), 'content');
    assert.equal(read('linked/link', false, 'linked'), 'openat ELOOP');
    assert.equal(read('missing/file', false, 'missing'), 'open ENOENT');
  });

  it('may have links of the owner of the target', { skip: NO_ROOT }, () => {
    assert.equal(read('linked/link', true), 'content');
    assert.equal(read('directory/foreign', true), 'openat ELOOP');
    assert.equal(read('elsewhere/file', true), 'openat ELOOP');
  });

  it('leave no descriptor open, whether they can be opened or not', () => {
    const count = () => readdirSync('/proc/self/fd').length;
    const before = count();
    for (const sameOwner of [false, true]) {
      for (const path of [
        'directory/file',
        'directory/link',
        'linked/file',
        'missing/file',
        'elsewhere/file',
        'directory/foreign',
      ]) {
        read(path, sameOwner);
      }
    }
    assert.equal(count(), before);
  });
});
