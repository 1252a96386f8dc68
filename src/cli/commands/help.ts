/** `tsproxy help`: the reference of directives and variables, in the terminal. */
import type { Command } from 'commander';
import type { DeclareCommand } from './command.js';

export const help: DeclareCommand = (program, take) => {
  program
    .command('help')
    .description('explain a directive, a variable, a module or a command; without a name, list the directives')
    .argument('[directive]', "its name; a variable's with its dollar sign: '$host'")
    .action((name: string | undefined) => {
      const commandHelp = (wanted: string): string | null => {
        const command = program.commands.find((each) => each.name() === wanted);
        return command === undefined ? null : completeHelp(command);
      };
      take(async () => (await import('../help.js')).help(name, commandHelp));
    });
};

/** The help with the texts that commands add to it. */
function completeHelp(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}
