/** Completion script for bash. */
import type { CompletedCommand, CompletedProgram, Value } from './program.js';

/** Supports bash 4 and later, without bash-completion. */
export function bashScript(program: CompletedProgram): string {
  const { name, commands, numbered } = program;
  const all = [{ ...program, name: '' }, ...commands];
  return `# Completion of ${name} for bash. To load it: source <(${name} completion bash)
_${name}() {
    local cur=\${COMP_WORDS[COMP_CWORD]} command= value= count=0 i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ \${COMP_WORDS[i]} == = ]]; then continue; fi
        if [[ -n $value ]]; then
            value=
            continue
        fi
        case $command:\${COMP_WORDS[i]} in
${all.flatMap(optionCases).join('\n')}
            *:-*) ;;
            ${commands.map((command) => `:${command.name}`).join(' | ')}) command=\${COMP_WORDS[i]} ;;
            :[0-9]*)
                command=${numbered.name}
                count=1
                ;;
            *) count=$((count + 1)) ;;
        esac
    done
    if [[ $cur == = ]]; then cur=; fi
    if [[ -z $value && $cur == -* ]]; then
        case $command in
${all.map((command) => `            ${quoted(command.name)}) value=${quoted(optionNames(command))} ;;`).join('\n')}
        esac
    elif [[ -z $value ]]; then
        case $command:$count in
            :*) value=${quoted(commands.map((command) => command.name).join(' '))} ;;
${commands.flatMap(argumentCases).join('\n')}
        esac
    fi
    case $value in
        '' | '<anything>') ;;
        '<file>')
            compopt -o filenames 2> /dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        '<directory>')
            compopt -o filenames 2> /dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$cur")
            ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$value" -- "$cur") ;;
    esac
}
complete -F _${name} ${name}
`;
}

/** Options with a value: completions of the next word. */
function optionCases({ name, options }: CompletedCommand): string[] {
  return options.flatMap(({ names, value }) => {
    if (value === null) return [];
    const patterns = names.map((option) => `${name}:${option}`).join(' | ');
    return [`            ${patterns}) value=${written(value)} ;;`];
  });
}

function argumentCases({ name, arguments: places }: CompletedCommand): string[] {
  return places.map(({ value, variadic }, i) => {
    return `            ${name}:${variadic ? '*' : i}) value=${written(value)} ;;`;
  });
}

function optionNames({ options }: CompletedCommand): string {
  return options.flatMap(({ names }) => names).join(' ');
}

function written(value: Value): string {
  return quoted(typeof value === 'string' ? `<${value}>` : value.join(' '));
}

/** The words of declarations contain no quotes and nothing that `compgen -W` would expand; a test checks this. */
function quoted(text: string): string {
  return `'${text}'`;
}
