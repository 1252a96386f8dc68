/** `tsproxy top`: shows the state of a running proxy. */
import { type Command, Option } from 'commander';
import type { TopOptions } from '../top.js';
import type { DeclareCommand } from './command.js';
import { addConsoleOptions, type ConsoleOptions, consoleUrl } from './console-option.js';

/** The same as in overview-page.ts, which parsing a command does not load. */
const ORDERS = ['name', 'rate', 'active', 'fails', 'state'];

export const top: DeclareCommand = (program, take) => {
  const command = program
    .command('top')
    .description('show the state of a running proxy, refreshed every second, through its console');
  addConsoleOptions(command)
    .addOption(new Option('--sort <order>', 'order of the servers of upstreams').choices(ORDERS).default('name'))
    .option('--once', 'print the state once; the default without a terminal')
    .option('--json', 'print the state once as JSON')
    .action((url: string | undefined, _options: unknown, used: Command) => {
      // Options that the program also defines are parsed as the program's.
      const options = used.optsWithGlobals<TopOptions & ConsoleOptions>();
      take(async () => (await import('../top.js')).top(consoleUrl(url, options), options));
    });
};
