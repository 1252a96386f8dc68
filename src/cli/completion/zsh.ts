/** Completion script for zsh. */
import type { CompletedArgument, CompletedCommand, CompletedOption, CompletedProgram, Value } from './program.js';

/** Usable as a file `_NAME` in a directory of `$fpath`, and with `source`. */
export function zshScript(program: CompletedProgram): string {
  const { name, commands, numbered } = program;
  return `#compdef ${name}
# Completion of ${name} for zsh. To load it: source <(${name} completion zsh), after compinit
_${name}() {
    local curcontext=$curcontext state line
    typeset -A opt_args
    _arguments -C \\
${continued([...program.options.map(option), "'1: :->command'", "'*:: :->rest'"], 8)}
    case $state in
        command)
            local -a commands
            commands=(
${commands.map((command) => `                ${quoted(`${colons(command.name)}:${command.description}`)}`).join('\n')}
            )
            _describe command commands
            ;;
        rest)
            case $line[1] in
${commands.map((command) => commandCase(command, command.name)).join('\n')}
${commandCase({ ...numbered, arguments: numbered.arguments.slice(1) }, '[0-9]*')}
            esac
            ;;
    esac
}
if [[ $funcstack[1] == _${name} ]]; then
    _${name} "$@"
else
    compdef _${name} ${name}
fi
`;
}

function commandCase(command: CompletedCommand, pattern: string): string {
  const specs = [...command.options.map(option), ...command.arguments.map(argument)];
  return `                ${pattern})
                    _arguments \\
${continued(specs, 24)}
                    ;;`;
}

/** `*-c[configuration file]:value:_files`: the asterisk allows the option to be repeated. */
function option({ names, description, value }: CompletedOption): string {
  const descriptionText = `[${description.replace(/[\]\\]/g, '\\$&')}]${value === null ? '' : `:value:${action(value)}`}`;
  return names.map((name) => quoted(`*${name}${descriptionText}`)).join(' ');
}

function argument({ value, variadic }: CompletedArgument, i: number): string {
  return quoted(`${variadic ? '*' : i + 1}:value:${action(value)}`);
}

function action(value: Value): string {
  if (value === 'file') return '_files';
  if (value === 'directory') return '_files -/';
  return value === 'anything' ? ' ' : `(${value.join(' ')})`;
}

function continued(lines: readonly string[], indent: number): string {
  return lines.map((line) => ' '.repeat(indent) + line).join(' \\\n');
}

function colons(text: string): string {
  return text.replaceAll(':', '\\:');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
