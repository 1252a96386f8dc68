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
    .option('--print-config', 'print the configuration, and exit')
    .addHelpText('after', EXAMPLES)
    .action((address: string, targets: readonly string[], options: ForwardOptions) => {
      take(async () => (await import('../forward.js')).forward([address, ...targets], options));
    });
};

const EXAMPLES = `
A path in the target replaces that of the route: /api=http://localhost:4000
passes /api/users on as it is, /api=http://localhost:4000/ as /users.

Examples:
  tsproxy 8080 http://localhost:3000                    one target
  tsproxy 8080 /api=http://localhost:4000 /=./dist      an API, and files
  tsproxy 8443 3000 --tls                               https for localhost:3000
  tsproxy 8080 app.localhost=3000 api.localhost=4000    by host
  tsproxy 8080 3000 --print-config > nginx.conf         the same as a file
`;
