/** `tsproxy code`: explanations of finding codes. */
import type { DeclareCommand } from './command.js';

export const code: DeclareCommand = (program, take) => {
  program
    .command('code')
    .description('explain the code of a finding; without a code, list all')
    .argument('[code...]', 'codes as shown with findings (default: all)')
    .action((codes: readonly string[]) => {
      take(async () => (await import('../code.js')).code(codes));
    });
};
