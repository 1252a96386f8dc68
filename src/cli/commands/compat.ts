/** `tsproxy compat`: support report for an nginx configuration. */
import { type Command, Option } from 'commander';
import { ENCLOSING } from '../../fragments/blocks.js';
import type { CompatOptions } from '../compat.js';
import type { DeclareCommand } from './command.js';

export const compat: DeclareCommand = (program, take) => {
  program
    .command('compat')
    .description(
      'list which parts of an nginx configuration are supported, without effect, different from nginx, or missing',
    )
    .argument('[path...]', 'files or directories, - for standard input (default: the configuration file, as for -t)')
    .option('-c <file>', 'the same')
    .addOption(new Option('--as <block>', 'the block of which a file is a part (default: detected)').choices(ENCLOSING))
    .option('-p <prefix>', 'directory that relative paths start from')
    .option('--nginx <version>', 'report about a release of nginx instead of tsproxy')
    .option('--allow-unsupported', 'report what a start with this option does')
    .option('--json', 'print the report as JSON')
    .action((paths: readonly string[], _options: object, command: Command) => {
      // Options that the program has, too, are parsed as the program's wherever they are written.
      const options = command.optsWithGlobals<CompatOptions>();
      take(async () => (await import('../compat.js')).compat(paths, options));
    });
};
