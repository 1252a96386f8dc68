/** `tsproxy forward`: a proxy without a configuration file. */
import type { ForwardOptions } from '../forward/plan.js';
import { collectValues, type DeclareCommand } from './command.js';

export const forward: DeclareCommand = (program, take) => {
  program
    .command('forward')
    .description('proxy to servers and directories without a configuration file; the word "forward" may be omitted')
    .argument('<address>', 'port to listen on (8080), or HOST:PORT; "*:8080" for all interfaces, or unix:PATH')
    .argument('[target...]', 'a target (URL, port, directory), or PATH=TARGET, HOST=TARGET, HOST/PATH=TARGET')
    .option('--tls', 'listen with TLS')
    .option('--cert <file>', 'certificate for TLS')
    .option('--key <file>', 'private key of the certificate')
    .option('--cors', 'let pages of other local origins read the responses, with credentials')
    .option(
      '--cors-origin <origin>',
      'let pages of this origin do so; * for any, without credentials (repeatable)',
      collectValues,
    )
    .option('--change-origin', "send the target's host in the Host field (default for https://)")
    .option('--no-change-origin', 'send the host of the request, also to https://')
    .option('--insecure', 'accept any certificate of https:// targets')
    .option('--spa', 'directories: answer unknown paths with index.html')
    .option(
      '--allow-host <name>',
      'also answer requests for this host; .NAME with all names below it, * for any (repeatable)',
      collectValues,
    )
    .option('--print-config', 'print the configuration, and exit')
    .action((address: string, targets: readonly string[], options: ForwardOptions) => {
      take(async () => (await import('../forward.js')).forward([address, ...targets], options));
    });
};
