/** `tsproxy diff`: what a reload would change. */
import type { Command } from 'commander';
import type { DiffOptions } from '../diff.js';
import type { DeclareCommand } from './command.js';

export const diff: DeclareCommand = (program, take) => {
  program
    .command('diff')
    .description('list the differences in meaning between two configurations; exit 0: none, 1: some, 2: trouble')
    .argument('<old>', 'a configuration: a file, a part of one, a directory, or a dump of -T; - for standard input')
    .argument('<new>', 'another one')
    .option('-p <prefix>', 'directory that relative paths start from')
    .option('-g <directives>', 'directives read before both files')
    .option('--allow-unsupported', 'compare despite unsupported features, as for starting')
    .option('--json', 'print the differences as JSON')
    .action((before: string, after: string, _options: unknown, command: Command) => {
      // Options that nginx has, too, are parsed as the program's.
      const options = command.optsWithGlobals<DiffOptions>();
      take(async () => (await import('../diff.js')).diff(before, after, options));
    });
};
