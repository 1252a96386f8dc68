/** `tsproxy dev [FILE]`: runs a production configuration on a developer's machine. */
import { InvalidArgumentError } from 'commander';
import type { DevOptions } from '../dev.js';
import { collectValues, type DeclareCommand } from './command.js';

/** Options as parsed; `-c` may name the file, as for the other commands. */
type GivenOptions = Partial<DevOptions> & { readonly c?: string };

export const dev: DeclareCommand = (program, take) => {
  program
    .command('dev')
    .description("run a production configuration on a developer's machine")
    .argument('[file]', 'configuration, a site of one, or a directory (default: conf/nginx.conf or nginx.conf)')
    .option(
      '--upstream <name=target>',
      'server to use for an upstream or the host of a proxy_pass (repeatable)',
      collectValues,
    )
    .option('--map <host=target>', 'server to use for a host, wherever it is named (repeatable)', collectValues)
    .option('--port <from=to>', 'port for a port of the configuration (repeatable)', ports)
    .option('--path <from=to>', 'directory or file for a path of the configuration (repeatable)', paths)
    .option('--host <address>', 'address to listen on (default: 127.0.0.1 and ::1)')
    .option('--allow-host <name>', 'also answer requests for a host that no server has (repeatable)', collectValues)
    .option('--login <name:password>', 'user for auth_basic where its file is missing (repeatable)', login)
    .action((file: string | undefined, _options: unknown, used: { optsWithGlobals(): GivenOptions }) => {
      const {
        upstream = [],
        map = [],
        port = [],
        path = [],
        login: users = [],
        allowHost = [],
        c,
        ...rest
      } = used.optsWithGlobals();
      take(async () =>
        (await import('../dev.js')).dev(file ?? c, { ...rest, upstream, map, port, path, login: users, allowHost }),
      );
    });
};

function ports(
  text: string,
  before: readonly (readonly [from: number, to: number])[] = [],
): readonly (readonly [from: number, to: number])[] {
  const [, from, to] = /^(\d{1,5})=(\d{1,5})$/.exec(text) ?? [];
  if (from === undefined || to === undefined || Number(from) > 65535 || Number(to) > 65535) {
    throw new InvalidArgumentError('must be two port numbers, such as 443=9443');
  }
  return [...before, [Number(from), Number(to)]];
}

function paths(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^\/[^=]*=./.test(text)) throw new InvalidArgumentError('must be two paths, such as /var/www/shop=./public');
  return [...before, text];
}

function login(
  text: string,
  before: readonly (readonly [name: string, password: string])[] = [],
): readonly (readonly [name: string, password: string])[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('must be a name and a password, such as admin:secret');
  return [...before, [text.slice(0, colon), text.slice(colon + 1)]];
}
