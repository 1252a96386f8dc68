/** `tsproxy ctl`: changes a running proxy through its API. */
import { type Command, Option } from 'commander';
import type { CtlOptions } from '../ctl.js';
import type { DeclareCommand } from './command.js';

export const ctl: DeclareCommand = (program, take) => {
  program
    .command('ctl')
    .description('show and change a running proxy through its API (the directive "api")')
    .argument('<action>', 'what to do, see below')
    .argument('[word...]', 'names and parameters of the action')
    .addOption(new Option('--api <url>', 'the location of the API (default: http://localhost/api/)').env('TSPROXY_API'))
    .addOption(new Option('--unix <path>', 'unix domain socket at which the proxy listens').env('TSPROXY_API_SOCKET'))
    .option('--json', 'print what the API responds')
    .action((action: string, words: readonly string[], _options: unknown, command: Command) => {
      // Options that the program has, too, are parsed as its own.
      const options = command.optsWithGlobals<CtlOptions>();
      take(async () => (await import('../ctl.js')).ctl(action, words, options));
    });
};
