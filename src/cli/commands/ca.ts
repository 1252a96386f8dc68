/** `tsproxy ca`: the local CA of `tsproxy dev` and `--tls`. */
import { Argument, type Command } from 'commander';
import type { CaAction, CaOptions } from '../ca.js';
import type { DeclareCommand } from './command.js';

const ACTIONS = ['trust', 'untrust', 'remove'];

export const ca: DeclareCommand = (program, take) => {
  program
    .command('ca')
    .description('show, trust or remove the local CA, which issues certificates for development')
    .addArgument(new Argument('[action]', 'what to do, see below').choices(ACTIONS))
    .argument('[names...]', 'with trust: further domains that the CA permits')
    .option('--json', 'print the state as JSON')
    .action((action: CaAction | undefined, names: readonly string[], _options: unknown, command: Command) => {
      // An option that the program has, too, is parsed as its own.
      const options = command.optsWithGlobals<CaOptions>();
      take(async () => (await import('../ca.js')).ca(action ?? 'status', names, options));
    });
};
