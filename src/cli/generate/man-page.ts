/** The manual page `tsproxy.1`, from the declarations of the command line. */
import type { Command } from 'commander';
import { documentUrl } from '../../diagnostics/documents.js';
import { COMMAND_HELP, type CommandHelp, type Example, PROGRAM_HELP } from '../commands/command-help.js';
import { REMARKS } from '../program.js';

/** Text of the page, in the macros of man(7). */
export function manPage(program: Command): string {
  const commands = program.createHelp().visibleCommands(program);
  return `${[
    '.\\" Generated from the declarations in src/cli by `npm run generate`; do not edit.',
    '.TH TSPROXY 1 "" "tsproxy" "User Commands"',
    '.SH NAME',
    `tsproxy \\- ${prose('reverse proxy that reads nginx configuration files')}`,
    '.SH SYNOPSIS',
    ...['[options]', '-t [options] [path...]', '-s signal', 'address target...', 'command [options]'].flatMap(synopsis),
    '.SH DESCRIPTION',
    prose(program.description()),
    ...REMARKS.flatMap((each) => ['.PP', prose(each)]),
    '.SH OPTIONS',
    ...definitions(program),
    '.SH COMMANDS',
    ...commands.flatMap(commandSection),
    '.SH EXIT STATUS',
    ...EXIT_CODES.flatMap(([code, text]) => definition(bold(code), text)),
    '.SH ENVIRONMENT',
    ...environment(commands).flatMap(([name, text]) => definition(bold(name), text)),
    '.SH FILES',
    ...FILES.flatMap(([name, text]) => definition(`.I ${word(name)}`, text)),
    '.SH EXAMPLES',
    ...PROGRAM_HELP.examples.flatMap(example),
    '.SH SEE ALSO',
    prose(`The documentation: ${documentUrl('docs')}`),
  ].join('\n')}\n`;
}

const EXIT_CODES: readonly (readonly [code: string, text: string])[] = [
  ['0', 'Success; for a server, the end by a signal.'],
  [
    '1',
    'Failure: the configuration is not valid, a start or a request failed, or nginx exits with 1 for the same words.',
  ],
  ['2', 'Usage error: an unknown option or command, or a missing or invalid argument.'],
  ['3', 'convert: not everything could be converted.'],
];

const FILES: readonly (readonly [name: string, text: string])[] = [
  ['conf/nginx.conf, nginx.conf', 'The configuration below the prefix, if -c names no other.'],
  [
    'logs/error.log',
    'The error log until the configuration names one, if the directory exists; otherwise standard error.',
  ],
  ['logs/nginx.pid', 'The process id, if the directory exists and the configuration names no other file.'],
];

/** Variables of the program, and those that options read. */
function environment(commands: readonly Command[]): (readonly [name: string, text: string])[] {
  const ofOptions = commands.flatMap((command) =>
    command.options.flatMap(({ envVar, long }) =>
      envVar === undefined ? [] : [[envVar, `Default of ${long}.`] as const],
    ),
  );
  return [
    ['NO_COLOR', 'If set, output has no colors.'],
    [
      'SSL_CERT_FILE',
      'Certificates of authorities for https:// targets of a command line without a configuration file.',
    ],
    ['TSPROXY_CA_DIRECTORY', 'Directory of the local CA.'],
    ...new Map(ofOptions),
  ];
}

function commandSection(command: Command): string[] {
  const help: CommandHelp | undefined = COMMAND_HELP[command.name()];
  return [
    `.SS ${word(command.name())}`,
    ...synopsis(`${command.name()} ${command.usage()}`),
    '.PP',
    `${prose(command.description().replace(/^[a-z]/, (letter) => letter.toUpperCase()))}.`,
    ...definitions(command),
    ...(help?.details === undefined ? [] : verbatim(help.details)),
    ...(help === undefined
      ? []
      : [...help.examples.flatMap(example), '.PP', prose(`See ${documentUrl(help.document)}`)]),
  ];
}

function synopsis(words: string): string[] {
  return ['.PP', bold('tsproxy'), word(words)];
}

/** Arguments and options with their descriptions. */
function definitions(command: Command): string[] {
  const help = command.createHelp();
  const entries = [
    ...help.visibleArguments(command).map((each) => [help.argumentTerm(each), help.argumentDescription(each)] as const),
    ...help.visibleOptions(command).map((each) => [help.optionTerm(each), help.optionDescription(each)] as const),
  ];
  return entries.flatMap(([term, text]) => definition(bold(term), text));
}

function definition(term: string, text: string): string[] {
  return ['.TP', term, prose(text)];
}

/** The line as it is typed, and a description. */
function example([line, description]: Example): string[] {
  return ['.PP', prose(`${description.replace(/^[a-z]/, (letter) => letter.toUpperCase())}:`), ...verbatim(line)];
}

/** Lines as they are, indented. */
function verbatim(text: string): string[] {
  return ['.PP', '.RS', '.nf', ...text.split('\n').map(word), '.fi', '.RE'];
}

/** A line in bold. */
function bold(text: string): string {
  return `.B "${word(text).replaceAll('"', '\\(dq')}"`;
}

/** Text that is typed: its hyphens are minus signs, so that it can be copied. */
function word(text: string): string {
  return guarded(escaped(text).replaceAll('-', '\\-'));
}

function prose(text: string): string {
  return guarded(
    escaped(text).replace(/(?<=^|[\s(])-(?=\S)|(?<=^|[\s(])--(?=\S)/g, (dashes) => '\\-'.repeat(dashes.length)),
  );
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replace(
      /[^\n\x20-\x7e]/gu,
      (character) => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    );
}

/** Prevents a line from being read as a request. */
function guarded(text: string): string {
  return text.replace(/^(?=[.'])/, '\\&');
}
