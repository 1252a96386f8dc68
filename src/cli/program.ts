/** Declarations of the command line: nginx's options, and the commands. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { ENCLOSING } from '../fragments/blocks.js';
import { isAtLeast, OLDEST, parseVersion, type Version } from '../lints/release/version.js';
import { collectValues } from './commands/command.js';
import { COMMAND_HELP, examplesText, PROGRAM_HELP } from './commands/command-help.js';
import { commands } from './commands/index.js';
import { FORMATS, SIGNALS, type SignalName } from './invocation.js';
import { wrapped } from './paragraph.js';

/** Facts about the program that its help and the man page end with. */
export const REMARKS: readonly string[] = [
  'HTTP/3, FastCGI and stream {} are not supported. With the directives of HTTP/3 clients connect over TCP. The others are refused by name; --allow-unsupported starts without them, and answers 501 where they are needed.',
  'Signals: HUP reloads, QUIT shuts down gracefully, TERM and INT stop at once, USR1 reopens the logs. Requests and WebSockets in progress continue during a reload.',
];

/** Declares everything. `take` receives the function of the command that was used, and its name. */
export function declaredProgram(take: (name: string, run: () => Promise<number>) => void): Command {
  const program = new Command('tsproxy');
  program
    .usage('[-c file] [-p prefix] [options] [command]')
    .description('A reverse proxy for HTTP/1.1, WebSocket and SSE that reads nginx configuration files.')
    .argument('[path...]', 'with -t: files or directories to test, also parts of a configuration such as a site')
    .option('-c <file>', 'configuration file (default: conf/nginx.conf or nginx.conf below the prefix)')
    .option('-p <prefix>', 'directory that relative paths start from (default: the working directory)')
    .option(
      '-e <file>',
      'error log until the configuration names one (default: logs/error.log, or stderr without logs/)',
    )
    .option('-g <directives>', 'global directives, read before the configuration file')
    .option('--allow-unsupported', 'start despite unsupported features; requests that need them are answered with 501')
    .option('-t', 'test the configuration, report all errors in it, and exit')
    .option('-T', 'as -t, and print all files of the configuration')
    .option('-q', 'with -t: print nothing but failures')
    .addOption(new Option('--format <format>', 'with -t: output format of findings (default: text)').choices(FORMATS))
    .option('--json', 'with -t: short for --format json')
    .option('--strict', 'with -t: fail on warnings, too')
    .addOption(
      new Option(
        '--nginx <version>',
        'with -t: report what a release of nginx lacks, and its vulnerabilities',
      ).argParser(release),
    )
    .option('--all', 'with -t: show equal findings one by one, without a limit')
    .option('--ignore <code>', 'with -t: suppress warnings and hints with this code (repeatable)', collectValues)
    .addOption(
      new Option('--as <block>', 'with -t: the block of which a file is a part (default: detected)').choices(ENCLOSING),
    )
    .option('--fix', 'with -t: apply the unambiguous fixes to the files')
    .option('--dry-run', 'with --fix: print the changes as a diff and write nothing')
    .option('--list-no-effect', 'with -t: list the directives that are accepted without effect')
    .addOption(
      new Option('-s <signal>', 'send a signal to the running proxy').choices(Object.keys(SIGNALS)).argParser(signal),
    )
    .option('-v, --version', 'print the version')
    .option('-V', 'print the version and the modules')
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      () => `${examplesText(PROGRAM_HELP)}\n\n${REMARKS.map((each) => wrapped(each, '', WIDTH)).join('\n\n')}`,
    );
  for (const declare of commands) {
    const at = program.commands.length;
    declare(program, (run) => take(program.commands[at]?.name() ?? '', run));
  }
  for (const command of program.commands) {
    const help = COMMAND_HELP[command.name()];
    if (help !== undefined) command.addHelpText('after', examplesText(help));
  }
  return program;
}

/** Columns of the remarks. */
const WIDTH = 80;

/** A release of nginx: `1.28.0`. */
export function release(text: string): Version {
  const version = parseVersion(text);
  if (version === null || !isAtLeast(version, OLDEST)) {
    throw new InvalidArgumentError(`"${text}" is not a version of nginx from ${OLDEST} on`);
  }
  return version;
}

function signal(text: string): SignalName {
  if (!Object.hasOwn(SIGNALS, text)) throw new InvalidArgumentError(`invalid option: "-s ${text}"`);
  return text as SignalName;
}
