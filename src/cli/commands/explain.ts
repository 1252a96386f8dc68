/** `tsproxy explain`: processing of a request by a configuration. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ENCLOSING } from '../../fragments/blocks.js';
import type { ExplainOptions } from '../explain.js';
import { collectValues, type DeclareCommand } from './command.js';

export const explain: DeclareCommand = (program, take) => {
  program
    .command('explain')
    .description('show how a configuration handles a request: server, location, rewrites, upstream, and why')
    .argument('<request...>', "the request: 'GET /path', 'POST http://host/path', 'wss://host/path'")
    .option('-c <file>', 'configuration file, part of one, or directory; - for standard input')
    .addOption(
      new Option('--as <block>', 'the block of which the file is a part (default: detected)').choices(ENCLOSING),
    )
    .option('-p <prefix>', 'directory that relative paths start from')
    .option('-g <directives>', 'directives read before the configuration file')
    .option('--allow-unsupported', 'explain despite unsupported features, as for starting')
    .option('-H, --header <field>', 'a field of the request, "Name: value"; may be repeated', collectValues)
    .option('--host <host>', 'the Host field')
    .option('--from <address>', "the client's address, with an optional port (default: 127.0.0.1)")
    .option('--listen <address>', 'the address that the client connects to, where there are several')
    .option('--body <text>', 'the body of the request')
    .option('--body-size <bytes>', 'a body of that size', count)
    .option('--status <number>', "the status of the upstream's response (default: 200, or 101 for an upgrade)", status)
    .option('--answer <field>', 'a field of the upstream\'s response, "Name: value"; may be repeated', collectValues)
    .option('--json', 'print the explanation as JSON')
    .action((words: readonly string[], _options: unknown, command: Command) => {
      // Options that nginx has, too, are parsed as the program's.
      const options = command.optsWithGlobals<ExplainOptions>();
      take(async () => (await import('../explain.js')).explain(words, options));
    });
};

function count(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new InvalidArgumentError(`"${text}" is not a number of bytes`);
  return Number(text);
}

function status(text: string): number {
  if (!/^[2-5][0-9]{2}$|^101$/.test(text)) throw new InvalidArgumentError(`"${text}" is not a response status`);
  return Number(text);
}
