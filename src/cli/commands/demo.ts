/** `tsproxy demo`: a demonstration with its own back ends. */
import { InvalidArgumentError } from 'commander';
import type { DeclareCommand } from './command.js';

export const demo: DeclareCommand = (program, take) => {
  program
    .command('demo')
    .description('start a demonstration with its own back ends')
    .option('--port <number>', 'the port to listen on (default: 8020, or the next one that is free)', port)
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .action((options: { readonly port?: number; readonly host: string }) => {
      take(async () => (await import('../demo.js')).demo(options));
    });
};

function port(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65535)
    throw new InvalidArgumentError(`invalid port "${text}"`);
  return number;
}
