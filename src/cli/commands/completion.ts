/** `tsproxy completion`: scripts for command-line completion in shells. */
import { Argument } from 'commander';
import { SHELLS, type Shell } from '../completion/shells.js';
import type { DeclareCommand } from './command.js';

export const completion: DeclareCommand = (program, take) => {
  program
    .command('completion')
    .description('print a completion script for a shell: source <(tsproxy completion bash)')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action((shell: Shell) => {
      take(async () => (await import('../completion.js')).completion(shell, program));
    });
};
