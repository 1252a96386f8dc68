/** `tsproxy help`: the reference of directives and variables, in the terminal. */
import type { DeclareCommand } from './command.js';

export const help: DeclareCommand = (program, take) => {
  program
    .command('help')
    .description('explain a directive, a variable, a module or a command; without a name, list the directives')
    .argument('[directive]', "its name; a variable's with its dollar sign: '$host'")
    .action((name: string | undefined) => {
      const commandHelp = (wanted: string): string | null =>
        program.commands.find((command) => command.name() === wanted)?.helpInformation() ?? null;
      take(async () => (await import('../help.js')).help(name, commandHelp));
    });
};
