/** `tsproxy fmt`: canonical formatting of configurations. */
import type { FmtOptions } from '../fmt.js';
import type { DeclareCommand } from './command.js';

export const fmt: DeclareCommand = (program, take) => {
  program
    .command('fmt')
    .description('rewrite files in the canonical layout, without changing their meaning')
    .argument('[files...]', 'files, or directories to search; - or none: standard input to standard output')
    .option('--check', 'write nothing: list the files that would change, and exit 1 if there are any')
    .option('--diff', 'write nothing: print what would change')
    .option('--recursive', 'also format included files')
    .action((files: readonly string[], options: FmtOptions) => {
      take(async () => (await import('../fmt.js')).fmt(files, options));
    });
};
