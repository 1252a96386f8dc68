/** Scripts with an `import()` that loads by Node's own loader, from the place of the script's file. */
import { compileFunction, constants, Script } from 'node:vm';

let isPrepared = false;

/**
 * Compiles the body of a function under the name of a file, and calls it. V8 would keep the text of a `Script` in a cache that
 * only lack of memory empties, so that each reload would add to the heap.
 */
export function runScript(text: string, filename: string): unknown {
  prepare();
  const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  return compileFunction(text, [], { filename, importModuleDynamically })() as unknown;
}

/**
 * Makes Node write its warning that the interface is experimental, once per process, where nobody reads it: the interface
 * is the same in all versions that this program supports.
 */
function prepare(): void {
  if (isPrepared) return;
  isPrepared = true;
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    new Script("import('node:vm')", { filename: '/', importModuleDynamically }).runInThisContext();
  } finally {
    process.emitWarning = emitWarning;
  }
}
