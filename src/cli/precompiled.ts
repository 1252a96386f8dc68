/**
 * The command as one file (esbuild.mjs makes it), with the code that V8 has made of it before. Where that was made by another
 * Node, or with other flags, V8 sees it and compiles the file as ever.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import type { main } from './main.js';

const FILE = fileURLToPath(new URL('../bundle/main.cjs', import.meta.url));
const CACHE = `${FILE}.cache`;

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
      const part = `${CACHE}.${process.pid}`;
      writeFileSync(part, script.createCachedData());
      renameSync(part, CACHE);
    },
  };
}

function cached(): Buffer | undefined {
  try {
    // V8 compares no more than the length of the source: what is older than the file was made of another one.
    return statSync(CACHE).mtimeMs >= statSync(FILE).mtimeMs ? readFileSync(CACHE) : undefined;
  } catch {
    // A package that was installed has none.
    return undefined;
  }
}
