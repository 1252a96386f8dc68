/** Location of the console, for the commands that are its clients. */
import { type Command, Option } from 'commander';

const DEFAULT = 'http://localhost/console/';

/** Options as commander gives them. */
export interface ConsoleOptions {
  readonly console?: string;
  readonly unix?: string;
}

/** Adds the argument and the options that name the console. */
export function addConsoleOptions(command: Command): Command {
  return command
    .argument('[url]', `the location of the console (default: that of --console, or ${DEFAULT})`)
    .addOption(new Option('--console <url>', 'the location of the console').env('TSPROXY_CONSOLE'))
    .addOption(
      new Option('--unix <path>', 'unix domain socket at which the proxy listens').env('TSPROXY_CONSOLE_SOCKET'),
    );
}

export function consoleUrl(given: string | undefined, options: ConsoleOptions): string {
  return given ?? options.console ?? DEFAULT;
}
