/** `tsproxy logs`: access logs for people. */
import type { Command } from 'commander';
import type { LogsOptions } from '../logs.js';
import type { DeclareCommand } from './command.js';

export const logs: DeclareCommand = (program, take) => {
  program
    .command('logs')
    .description('print an access log (format json, websocket_json or combined) for people')
    .argument('[file]', 'the log; - for standard input (default: logs/access.log below the prefix)')
    .option('-f, --follow', 'continue with the lines that are added, also after the file was rotated')
    .option('-n, --lines <number>', 'only the last lines of the file (default with --follow: 10)')
    .option('--status <list>', 'only these statuses: 404, 5xx, 400-499, separated by commas')
    .option('--path <pattern>', 'only paths that begin with it; * stands for any characters')
    .option('--upstream <text>', 'only requests passed to an upstream server whose address contains it')
    .option('--slower <time>', 'only requests that took at least this time: 500ms, 2s')
    .option('--raw', 'print lines as they are')
    .action((file: string | undefined, _options: unknown, command: Command) => {
      // Options that the program has, too, are parsed as its own.
      const options = command.optsWithGlobals<LogsOptions>();
      take(async () => (await import('../logs.js')).logs(file, options));
    });
};
