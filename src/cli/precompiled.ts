/**
 * The command as one file (esbuild.mjs makes it), with the code that V8 has made of it before. Where that was made by another
 * Node, or with other flags, V8 sees it and compiles the file as ever.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import type { main } from './main.js';

const FILE = fileURLToPath(new URL('../bundle/main.cjs', import.meta.url));
const CACHE = `${FILE}.cache`;

type WrittenBy = Pick<Stats, 'mtimeMs' | 'uid' | 'gid' | 'mode'>;

interface Command {
  readonly main: typeof main;
}

type Wrapped = (require: NodeJS.Require, module: { exports: object }, __filename: string) => void;

/** The whole command, not run yet; `keep` writes the code of all that has run since. */
export function command(): Command & { keep(): void } {
  const script = new Script(`(function (require, module, __filename) {${readFileSync(FILE, 'latin1')}\n})`, {
    filename: FILE,
    // With flags, which the cache was not made with, it would be read in vain.
    cachedData: process.execArgv.length === 0 ? cached() : undefined,
  });
  const module = { exports: {} };
  (script.runInThisContext() as Wrapped)(createRequire(FILE), module, FILE);
  return {
    ...(module.exports as Command),
    keep: () => {
      const part = `${CACHE}.${process.pid}.${Date.now()}`;
      writeFileSync(part, script.createCachedData(), { flag: 'wx' });
      renameSync(part, CACHE);
    },
  };
}

function cached(): Buffer | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(CACHE, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch {
    // A package that was installed has none.
    return undefined;
  }
  try {
    return belongsTo(fstatSync(descriptor), statSync(FILE)) ? readFileSync(descriptor) : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Whether a cache belongs to the file. V8 compares no more than the length of the source, so what is older than the file was
 * made of another one; and it runs what it is given, so nobody may be able to write the cache who cannot write the file.
 */
export function belongsTo(cache: WrittenBy, file: WrittenBy): boolean {
  const owned = cache.uid === file.uid || cache.uid === 0;
  const writers = cache.mode & OTHERS_WRITE & (cache.gid === file.gid ? ~file.mode : OTHERS_WRITE);
  return cache.mtimeMs >= file.mtimeMs && owned && writers === 0;
}

/** Write permission of the group and of all others. */
const OTHERS_WRITE = 0o022;
