/** `tsproxy init`: writes a configuration file to start from. */
import type { InitOptions } from '../init/plan.js';
import { collectValues, type DeclareCommand } from './command.js';

export const init: DeclareCommand = (program, take) => {
  program
    .command('init')
    .description('write a configuration file to start from; on a terminal, ask for what no option gives')
    .option('--upstream <target>', 'server of the application: URL, port or socket (repeatable)', collectValues)
    .option('--websocket', 'the application uses WebSockets')
    .option('--sse', 'the application sends server-sent events')
    .option('--static <directory>', 'directory of files; with --upstream, the application gets other requests')
    .option('--spa', 'answer unknown paths with index.html of the directory')
    .option('--port <number>', 'port to listen on (default: 8080, with TLS 8443)')
    .option('--public', 'accept connections from other machines')
    .option('--name <host>', 'host name of the server (repeatable)', collectValues)
    .option('--tls', 'listen with TLS, with a certificate of the local CA')
    .option('--cert <file>', 'certificate for TLS')
    .option('--key <file>', 'private key of the certificate')
    .option('--output <file>', 'file to write; - for standard output', 'nginx.conf')
    .option('--force', 'replace an existing file')
    .option('--yes', 'ask nothing')
    .action((options: InitOptions) => {
      take(async () => (await import('../init.js')).init(options));
    });
};
