/** `tsproxy lsp`: the language server for editors. */
import type { DeclareCommand } from './command.js';

export const lsp: DeclareCommand = (program, take) => {
  program
    .command('lsp')
    .description('serve an editor: a language server over standard input and output')
    .option('--stdio', 'communicate over standard input and output (the default)')
    .action(() => {
      take(async () => (await import('../lsp.js')).lsp());
    });
};
