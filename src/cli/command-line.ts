/** The command line: nginx's options, parsed as nginx parses them, and tsproxy's own commands. */
import { statSync } from 'node:fs';
import { type Command, CommanderError } from 'commander';
import { nearest } from '../diagnostics/nearest.js';
import { withForwardCommand } from './forward/shorthand.js';
import { type Invocation, invocationOf, type Options, SIGNALS } from './invocation.js';
import { declaredProgram } from './program.js';
import { USAGE_EXIT_CODE, usageText } from './usage-error.js';

/** Parses the words after the command's name. */
export function readCommandLine(words: readonly string[]): Invocation {
  let invocation: Invocation | null = null;
  let output = '';
  const command = declaredProgram((name, run) => {
    invocation = { do: 'command', name, run };
  });
  const writeOut = (text: string): void => {
    output += text;
  };
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({ writeOut, writeErr: () => {} });
  }
  command.action((paths: readonly string[], options: Options) => {
    invocation = invocationOf(options, paths);
    const [path] = paths;
    if (path !== undefined && (invocation.do !== 'test' || options.c !== undefined)) {
      invocation = misuse(`invalid option: "${path}"`, hintFor(path, options, command));
    }
  });
  const written = withForwardCommand(words, command);
  try {
    // `-?` is nginx's alias of `-h`; commander allows one short name only.
    command.parse(
      written.map((word) => (word === '-?' ? '-h' : word)),
      { from: 'user' },
    );
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { do: 'print', text: output, stream: 'stdout', code: 0 };
    const used = command.commands.find((each) => each.name() === written[0])?.name() ?? null;
    return misuse(complaint(error), suggestion(error), used, isOfNginx(error) ? 1 : USAGE_EXIT_CODE);
  }
  return invocation ?? { do: 'print', text: '', stream: 'stderr', code: 1 };
}

/** A usage error, of a command if one is named: nginx's message, a suggestion if there is one, and a pointer to the help. */
function misuse(
  sentence: string,
  hint: string | null,
  command: string | null = null,
  code = USAGE_EXIT_CODE,
): Invocation {
  return { do: 'print', text: `${usageText(sentence, hint, command)}\n`, stream: 'stderr', code };
}

/** Suggestion for a word that is neither an option nor a command. */
function hintFor(word: string, options: Options, program: Command): string | null {
  if (options.c !== undefined && (options.t || options.T)) {
    return `Test one of them: "tsproxy -t -c ${options.c}" or "tsproxy -t ${word}".`;
  }
  const [meant] = nearest(
    word,
    program.commands.map((each) => each.name()),
  );
  if (meant !== undefined) return `Did you mean the command "${meant}"?`;
  if (Object.hasOwn(SIGNALS, word)) return `Did you mean "tsproxy -s ${word}"?`;
  if (Object.hasOwn(OTHER_NAMES, word)) return OTHER_NAMES[word] ?? null;
  if (/^(?:https?|wss?):\/\//i.test(word)) return `Did you mean "tsproxy 8080 ${word}"?`;
  const stats = statSync(word, { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    return `Did you mean "tsproxy 8080 ${word}" to serve its files, or "tsproxy -t ${word}" to test those in it?`;
  }
  if (stats !== undefined) return `Did you mean "tsproxy -c ${word}", or "tsproxy -t ${word}" to test it?`;
  return null;
}

const ONE_LINE = 'Without a configuration file: "tsproxy 8080 http://localhost:3000".';

/** Commands and options of other programs, with their equivalents here. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  ...sameHint('"tsproxy -c FILE" serves a configuration.', 'start serve server run'),
  ...sameHint('"tsproxy -t -c FILE" tests a configuration.', 'test check validate verify lint configtest'),
  ...sameHint('"tsproxy fmt FILE" formats a file.', 'format'),
  ...sameHint('"tsproxy -v" prints the version.', 'version'),
  ...sameHint('"tsproxy -s reload" applies a changed configuration without a restart.', 'restart'),
  ...sameHint('The configuration file is given with "-c FILE".', '--config --conf'),
  ...sameHint('"tsproxy -t -c FILE" tests a configuration.', '--test --check'),
  ...sameHint(ONE_LINE, 'proxy reverse-proxy --from --to --target --proxy'),
  ...sameHint(`Ports are set with the "listen" directive of the configuration. ${ONE_LINE}`, '--port --listen'),
};

function sameHint(hint: string, words: string): Record<string, string> {
  return Object.fromEntries(words.split(' ').map((word) => [word, hint]));
}

/** Hint for a mistyped option or a missing or invalid value: commander's, unless there is a better one. */
function suggestion(error: CommanderError): string | null {
  const { message } = error;
  const [, option = ''] = /'([^' ]*)/.exec(message) ?? [];
  if (error.code === 'commander.unknownOption' && Object.hasOwn(OTHER_NAMES, option)) {
    return OTHER_NAMES[option] ?? null;
  }
  if (/option '-s /.test(message)) return `The signals are: ${Object.keys(SIGNALS).join(', ')}.`;
  const [, meant] = /\(Did you mean (.*)\?\)/.exec(message) ?? [];
  return meant === undefined ? null : `Did you mean "${meant}"?`;
}

/** nginx's message for a usage error. */
function complaint(error: CommanderError): string {
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
    default:
      return plain(error);
  }
}

function plain({ message }: CommanderError): string {
  return message
    .replace(/^error: /, '')
    .replace(/\n.*/s, '')
    .replace(/^command-argument value (.*) is invalid for argument '.*'\./, '$1 is invalid.')
    .replaceAll("'", '"');
}

/** Whether it is about the value of an option that nginx has as well, which exits with 1. */
function isOfNginx({ code, message }: CommanderError): boolean {
  return (
    ['commander.optionMissingArgument', 'commander.invalidArgument'].includes(code) && /option '-[cpegs] /.test(message)
  );
}

const ARGUMENTS: Readonly<Record<string, string>> = { '-c': 'file name', '-p': 'directory name', '-e': 'file name' };
