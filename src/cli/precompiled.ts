/**
 * The command as one file (built by esbuild.mjs) with V8's code cache for it. V8 rejects a cache of another Node version or
 * other flags, and then compiles the file as usual.
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

/** The command, not yet run; `keep` writes the code cache of all functions that have run since. */
export function command(): Command & { keep(): void } {
  const script = new Script(readFileSync(FILE, 'latin1'), {
    filename: FILE,
    // The cache was created without flags and would be rejected with them.
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
    // A newly installed package has none.
    return undefined;
  }
  try {
    return belongsTo(fstatSync(descriptor), statSync(FILE)) ? readFileSync(descriptor) : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Whether a cache belongs to the file. V8 compares only the length of the source, so a cache older than the file was created
 * from another version; and V8 executes its contents, so only users who can write the file may be able to write the cache.
 */
export function belongsTo(cache: WrittenBy, file: WrittenBy): boolean {
  const owned = cache.uid === file.uid || cache.uid === 0;
  const writers = cache.mode & OTHERS_WRITE & (cache.gid === file.gid ? ~file.mode : OTHERS_WRITE);
  return cache.mtimeMs >= file.mtimeMs && owned && writers === 0;
}

/** Write permission of group and others. */
const OTHERS_WRITE = 0o022;
