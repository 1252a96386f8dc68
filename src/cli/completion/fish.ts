/** Completion script for fish. */
import type { CompletedCommand, CompletedOption, CompletedProgram, Value } from './program.js';

/** Supports fish 3 and later. */
export function fishScript(program: CompletedProgram): string {
  const { name, commands, numbered } = program;
  const all = [{ ...program, name: '' }, ...commands];
  const taking = all.flatMap(({ options }) => options.filter(({ value }) => value !== null));
  const flags = new Set(taking.flatMap(({ names }) => names));
  return `# Completion of ${name} for fish. To load it: ${name} completion fish | source
function __${name}_words
    set -l value 0
    set -l first 1
    for word in (commandline -opc)[2..-1]
        if test $value = 1
            set value 0
            continue
        end
        switch $word
            case ${[...flags].join(' ')}
                set value 1
            case '-*'
            case '*'
                if test $first = 1; and string match -qr '^[0-9]' -- $word
                    echo ${numbered.name}
                end
                set first 0
                echo $word
        end
    end
end
function __${name}_in
    set -l words (__${name}_words)
    if test -z "$argv[1]"
        test (count $words) = 0
    else if test (count $words) = 0
        return 1
    else if test -z "$argv[2]"
        test "$words[1]" = $argv[1]
    else
        test "$words[1]" = $argv[1] -a (count $words) = (math $argv[2] + 1)
    end
end
complete -c ${name} -f
${commands.map((command) => line(program, '', `-a ${command.name}`, command.description)).join('\n')}
${all.flatMap((command) => linesOf(program, command)).join('\n')}
`;
}

function linesOf(program: CompletedProgram, command: CompletedCommand): string[] {
  const places = command.arguments.map(({ value, variadic }, i) => {
    return line(program, `${command.name}${variadic ? '' : ` ${i}`}`, written(value), '');
  });
  return [
    ...command.options.map((option) => line(program, command.name, flagsOf(option), option.description)),
    ...places,
  ];
}

/** A completion, offered after the words of a command. */
function line({ name }: CompletedProgram, where: string, what: string, description: string): string {
  const descriptionFlag = description === '' ? '' : ` -d ${quoted(description)}`;
  return `complete -c ${name} -n ${quoted(`__${name}_in ${where === '' ? "''" : where}`)} ${what}${descriptionFlag}`;
}

function flagsOf({ names, value }: CompletedOption): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...flags, ...(value === null ? [] : ['-r', written(value)])].join(' ');
}

function written(value: Value): string {
  if (value === 'file') return '-F';
  if (value === 'directory') return "-f -a '(__fish_complete_directories)'";
  return value === 'anything' ? '-f' : `-f -a ${quoted(value.join(' '))}`;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
