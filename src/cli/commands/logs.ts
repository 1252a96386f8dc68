/** `tsproxy logs`: prints access logs in columns. */
import type { Command } from 'commander';
import type { LogsOptions } from '../logs.js';
import type { DeclareCommand } from './command.js';

export const logs: DeclareCommand = (program, take) => {
  program
    .command('logs')
    .description('print an access log (format json, websocket_json or combined) in columns')
    .argument('[file]', 'the log; - for standard input (default: logs/access.log below the prefix)')
    .option('-f, --follow', 'continue with appended lines, also after the file was rotated')
    .option('-n, --lines <number>', 'only the last lines of the file (default with --follow: 10)')
    .option('--status <list>', 'only these statuses: 404, 5xx, 400-499, separated by commas')
    .option('--path <pattern>', 'only paths that begin with the pattern; * matches any characters')
    .option('--upstream <text>', 'only requests passed to an upstream server whose address contains the text')
    .option('--slower <time>', 'only requests that took at least this time: 500ms, 2s')
    .option('--raw', 'print lines unchanged')
    .action((file: string | undefined, _options: unknown, command: Command) => {
      // Options that the program also defines are parsed as the program's.
      const options = command.optsWithGlobals<LogsOptions>();
      take(async () => (await import('../logs.js')).logs(file, options));
    });
};
