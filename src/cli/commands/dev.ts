/** `tsproxy dev [FILE]`: runs a production configuration on a developer's machine. */
import type { DeclareCommand } from './command.js';

export const dev: DeclareCommand = (program, take) => {
  program
    .command('dev')
    .description("run a production configuration on a developer's machine")
    .argument('[file]', 'configuration file (default: conf/nginx.conf or nginx.conf)')
    .action((file: string | undefined) => {
      take(async () => (await import('../dev.js')).dev(file));
    });
};
