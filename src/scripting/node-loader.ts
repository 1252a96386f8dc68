/** Scripts whose `import()` uses Node's own loader, and resolves packages from the path of the script's file. */
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
 * Suppresses the warning that Node emits once per process at the first use of the experimental interface, which is the same in
 * all versions of Node that this program supports.
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
