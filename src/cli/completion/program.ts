/** Completion data of a program's command line, derived from its declarations, as input for the shell scripts. */
import type { Argument, Command, Option } from 'commander';

/** Kind of a value: one of a list of words, a file, a directory, or free text. */
export type Value = readonly string[] | 'file' | 'directory' | 'anything';

export interface CompletedOption {
  /** As written: `-c`, `--format`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Null for an option without a value. */
  readonly value: Value | null;
}

export interface CompletedArgument {
  readonly value: Value;
  /** The last argument may be repeated. */
  readonly variadic: boolean;
}

export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  readonly arguments: readonly CompletedArgument[];
}

/** The program and its commands. */
export interface CompletedProgram extends CompletedCommand {
  readonly commands: readonly CompletedCommand[];
  /** The command whose name may be omitted before a port, its first argument. */
  readonly numbered: CompletedCommand;
}

/** Words for placeholders whose choices are not part of their declaration, by the name of the placeholder. */
export type PlaceWords = Readonly<Record<string, readonly string[]>>;

const FILES: ReadonlySet<string> = new Set(['file', 'files', 'old', 'new']);
const DIRECTORIES: ReadonlySet<string> = new Set(['prefix', 'directory', 'target']);

/**
 * Reads the declarations. The kind of a value is derived from its choices, or from the name of its placeholder: `-c <file>`.
 */
export function completedProgram(program: Command, words: PlaceWords): CompletedProgram {
  const commands = program.createHelp().visibleCommands(program);
  const completed = commands.map((each) => completedCommand(each, words));
  const numbered = completed.find(({ name }) => name === 'forward');
  if (numbered === undefined) throw new Error('there is no command "forward"');
  return { ...completedCommand(program, words), commands: completed, numbered };
}

function completedCommand(command: Command, words: PlaceWords): CompletedCommand {
  const shown = command.createHelp();
  return {
    name: command.name(),
    description: command.description(),
    options: shown.visibleOptions(command).map((option) => completedOption(option, words)),
    arguments: command.registeredArguments.map((argument) => completedArgument(argument, words)),
  };
}

function completedOption(option: Option, words: PlaceWords): CompletedOption {
  const [, place] = /[<[]([^\]>.]+)/.exec(option.flags) ?? [];
  return {
    names: [option.short, option.long].filter((name) => name !== undefined && name !== null),
    description: option.description,
    value: place === undefined ? null : valueAt(place, option.argChoices, words),
  };
}

function completedArgument(argument: Argument, words: PlaceWords): CompletedArgument {
  return { value: valueAt(argument.name(), argument.argChoices, words), variadic: argument.variadic };
}

function valueAt(place: string, choices: readonly string[] | undefined, words: PlaceWords): Value {
  if (choices !== undefined) return choices;
  if (Object.hasOwn(words, place)) return words[place] ?? 'anything';
  if (FILES.has(place)) return 'file';
  return DIRECTORIES.has(place) ? 'directory' : 'anything';
}
