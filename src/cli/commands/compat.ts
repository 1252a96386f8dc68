/** `tsproxy compat`: how much of an nginx configuration is carried out here. */
import type { Command } from 'commander';
import type { CompatOptions } from '../compat.js';
import type { DeclareCommand } from './command.js';

export const compat: DeclareCommand = (program, take) => {
  program
    .command('compat')
    .description('list what of an nginx configuration is supported, without effect, different from nginx, or missing')
    .argument('[file]', 'the configuration file; the usual one unless given')
    .option('-c <file>', 'the same')
    .option('-p <prefix>', 'directory that relative paths start from')
    .option('--json', 'print the report as JSON')
    .action((file: string | undefined, _options: object, command: Command) => {
      // The program has these options, too, and takes them wherever they stand.
      const options = command.optsWithGlobals<CompatOptions>();
      take(async () => (await import('../compat.js')).compat(file, options));
    });
};
