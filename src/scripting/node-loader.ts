/** Scripts with an `import()` that loads by Node's own loader, from the place of the script's file. */
import { constants, Script } from 'node:vm';

let isPrepared = false;

/** Compiles and runs a script under the name of a file. */
export function runScript(text: string, filename: string): unknown {
  prepare();
  const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  return new Script(text, { filename, importModuleDynamically }).runInThisContext();
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
