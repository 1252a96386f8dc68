/** The command line: nginx's options, read as nginx reads them, and the commands that nginx has not. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { gathered } from './commands/command.js';
import { commands } from './commands/index.js';
import { FORMATS, type Options, type Order, orderOf, SIGNALS, type SignalName } from './order.js';

/** Reads the words after the command's name. */
export function readCommandLine(words: readonly string[]): Order {
  let order: Order | null = null;
  let said = '';
  const command = new Command('tsproxy');
  command
    .usage('[-c file] [-p prefix] [options] [command]')
    .description('A reverse proxy that speaks the nginx configuration language.')
    .option('-c <file>', 'configuration file (default: conf/nginx.conf or nginx.conf below the prefix)')
    .option('-p <prefix>', 'directory that relative paths start from (default: the working directory)')
    .option(
      '-e <file>',
      'error log until the configuration names one (default: logs/error.log, or stderr without logs/)',
    )
    .option('-g <directives>', 'directives to be read ahead of the configuration file')
    .option('-t', 'test the configuration: say everything that is wrong with it, and exit')
    .option('-T', 'the same, and print all files of the configuration')
    .option('-q', 'with -t: say nothing where nothing is wrong')
    .addOption(new Option('--format <format>', 'with -t: how findings are shown (default: text)').choices(FORMATS))
    .option('--json', 'with -t: short for --format json')
    .option('--strict', 'with -t: warnings fail as errors do')
    .option('--ignore <code>', 'with -t: do not say warnings and hints of this code (may be given again)', gathered)
    .option('--fix', 'with -t: mend in the files what can be mended without asking')
    .option('--dry-run', 'with --fix: change nothing, and show the changes as a diff')
    .option('--list-no-effect', 'with -t: list what is accepted and changes nothing here')
    .addOption(
      new Option('-s <signal>', 'send a signal to the running proxy').choices(Object.keys(SIGNALS)).argParser(signal),
    )
    .option('-v', 'print the version')
    .option('-V', 'print the version and what is built in')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        said += text;
      },
      writeErr: () => {},
    })
    .action((options: Options) => {
      order = orderOf(options);
    });
  for (const declare of commands) {
    declare(command, (run) => {
      order = { do: 'command', run };
    });
  }
  for (const each of command.commands) each.exitOverride();
  try {
    // `-?` is nginx's other name of `-h`; commander has room for one short name.
    command.parse(
      words.map((word) => (word === '-?' ? '-h' : word)),
      { from: 'user' },
    );
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { do: 'say', text: said, stream: 'stdout', code: 0 };
    return { do: 'say', text: `tsproxy: ${complaint(error, words)}\n`, stream: 'stderr', code: 1 };
  }
  return order ?? { do: 'say', text: '', stream: 'stderr', code: 1 };
}

const HELP = `
The configuration is nginx's: a file that nginx takes is taken here, and what would not
be carried out is refused with an explanation. Signals are nginx's too: HUP reloads
(nobody is disconnected), QUIT drains, TERM and INT stop, USR1 opens the logs anew.`;

function signal(text: string): SignalName {
  if (!Object.hasOwn(SIGNALS, text)) throw new InvalidArgumentError(`invalid option: "-s ${text}"`);
  return text as SignalName;
}

/** What nginx would say. */
function complaint(error: CommanderError, words: readonly string[]): string {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownOption':
      return `invalid option: "${quoted.replace(/^-(?!-)/, '')}"`;
    case 'commander.optionMissingArgument': {
      const flag = quoted.split(' ')[0] ?? '';
      return `option "${flag}" requires ${ARGUMENTS[flag] ?? 'parameter'}`;
    }
    case 'commander.invalidArgument':
      return (
        /invalid (option: "-s .*"|port ".*")|option '--format.*/.exec(error.message)?.[0].replaceAll("'", '"') ??
        plain(error)
      );
    case 'commander.excessArguments':
    case 'commander.unknownCommand':
      // nginx has no commands: of those commander names the one that was given too much.
      if (quoted !== '') return plain(error);
      return `invalid option: "${words.find((word) => !word.startsWith('-')) ?? ''}"`;
    default:
      return plain(error);
  }
}

function plain({ message }: CommanderError): string {
  return message.replace(/^error: /, '').replaceAll("'", '"');
}

const ARGUMENTS: Readonly<Record<string, string>> = { '-c': 'file name', '-p': 'directory name', '-e': 'file name' };
