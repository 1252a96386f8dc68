/** `tsproxy lsp`: the language server for editors. */
import { importOptional, MissingPackage } from '../config/optional-package.js';
import { printError } from '../process/standard-streams.js';

/** npm packages of the language server. */
const PACKAGES = ['vscode-languageserver', 'vscode-languageserver-textdocument'];

/** Serves an editor over standard input and output; returns the exit code. */
export async function lsp(): Promise<number> {
  try {
    const { serveEditor } = await importOptional('"tsproxy lsp"', PACKAGES, () => import('../lsp/server.js'));
    await serveEditor(process.stdin, process.stdout);
    return 0;
  } catch (error) {
    if (!(error instanceof MissingPackage)) throw error;
    printError(`tsproxy: ${error.message}`);
    return 1;
  }
}
