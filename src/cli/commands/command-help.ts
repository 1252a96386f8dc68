/** Examples and the document of each command, for its help and the man page. */
import { documentUrl } from '../../diagnostics/documents.js';
import { ACTION_HELP } from '../ctl/action-help.js';

/** A command line, and what it does in a few words. */
export type Example = readonly [line: string, description: string];

export interface CommandHelp {
  /** Lines for a terminal before the examples. */
  readonly details?: string;
  readonly examples: readonly Example[];
  /** Path in the repository. */
  readonly document: string;
}

export const PROGRAM_HELP: CommandHelp = {
  examples: [
    ['tsproxy 8080 http://localhost:3000', 'proxy without a configuration file'],
    ['tsproxy dev nginx.conf', 'run a production file on this machine'],
    ['tsproxy -t nginx.conf', 'test a configuration'],
    ['tsproxy -t .', 'test everything in a repository'],
    ['tsproxy -t --nginx 1.28.0 .', 'for machines that run nginx 1.28.0'],
    ['tsproxy -c nginx.conf', 'serve in the foreground'],
    ['tsproxy -c nginx.conf -s reload', 'reload (or quit, stop, reopen)'],
    ['tsproxy compat nginx.conf', 'list what of a file is not supported'],
  ],
  document: 'README.md',
};

/** By the name of the command. */
export const COMMAND_HELP: Readonly<Record<string, CommandHelp>> = {
  forward: {
    details: `A path in the target replaces that of the route: /api=http://localhost:4000
passes /api/users on as it is, /api=http://localhost:4000/ as /users.`,
    examples: [
      ['tsproxy 8080 http://localhost:3000', 'one target'],
      ['tsproxy 8080 /api=http://localhost:4000 /=./dist', 'an API, and files'],
      ['tsproxy 8443 3000 --tls', 'https for localhost:3000'],
      ['tsproxy 8080 app.localhost=3000 api.localhost=4000', 'by host'],
      ['tsproxy 8080 3000 --print-config > nginx.conf', 'the same as a file'],
    ],
    document: 'docs/one-line.md',
  },
  init: {
    examples: [
      ['tsproxy init', 'ask, and write nginx.conf'],
      ['tsproxy init --upstream 3000 --websocket --sse', 'an application'],
      ['tsproxy init --static dist --spa --tls --output site.conf', 'files with TLS'],
    ],
    document: 'docs/init.md',
  },
  demo: { examples: [['tsproxy demo --port 9000', 'on another port']], document: 'README.md' },
  dev: {
    examples: [
      ['tsproxy dev nginx.conf', 'run it here, with requests in the terminal'],
      ['tsproxy dev', 'the same with conf/nginx.conf or nginx.conf'],
      ['tsproxy dev --upstream app=localhost:3000', 'with the application on this machine'],
      ['tsproxy dev --map shop.example=localhost:3000', 'for a host that is named anywhere'],
      ['tsproxy dev --path /var/www/shop=./public', 'with files in another directory'],
    ],
    document: 'docs/dev.md',
  },
  explain: {
    examples: [
      ["tsproxy explain 'GET /api/users' -c nginx.conf", 'a request'],
      ["tsproxy explain 'POST https://shop.example.com/cart' --json", 'to a server with TLS, for programs'],
      ['tsproxy explain -c sites-enabled/ https://shop.example.com/', 'by the sites of a directory'],
      ['tsproxy explain wss://example.com/chat -H "Origin: https://example.com"', 'a WebSocket'],
    ],
    document: 'docs/explain.md',
  },
  diff: {
    examples: [
      ['tsproxy diff /etc/nginx/nginx.conf nginx.conf', 'what a reload would change'],
      ['tsproxy diff old.conf new.conf --json', 'for programs'],
    ],
    document: 'docs/reload.md',
  },
  fmt: {
    examples: [
      ['tsproxy fmt nginx.conf', 'rewrite a file'],
      ['tsproxy fmt --check .', 'in CI: exit with 1 if a file of the repository would change'],
      ['tsproxy fmt < nginx.conf', 'print the formatted text'],
    ],
    document: 'docs/fmt.md',
  },
  ctl: {
    details: ACTION_HELP.trimEnd(),
    examples: [
      ['tsproxy ctl upstreams', 'state of all servers'],
      ['tsproxy ctl drain app 10.0.0.7:8080', 'no new requests for a server'],
      ['tsproxy ctl close tunnels key=user-7', 'close the WebSockets of a user'],
    ],
    document: 'docs/api.md',
  },
  ca: {
    details: `Without an action: its certificate and key, permitted names, and the stores that trust it.
  trust [name...]   make browsers and the system trust it; what needs root is printed as a command.
                    With names: create it again so that it permits these domains, too
  untrust           remove it from all stores
  remove            remove it from all stores, and delete its certificate and keys`,
    examples: [
      ['tsproxy ca trust', 'make browsers accept its certificates'],
      ['tsproxy ca trust shop.example.com', 'permit this domain, too'],
      ['curl --cacert "$(tsproxy ca --json | jq -r .root)" https://localhost:8443/', 'trust it in curl'],
    ],
    document: 'docs/dev-certificates.md',
  },
  logs: {
    examples: [
      ['tsproxy logs -f --status 5xx', 'follow the failing requests'],
      ['tsproxy logs access.log --slower 2s --path "/api/*"', 'slow requests of the API'],
    ],
    document: 'docs/logs.md',
  },
  watch: {
    examples: [
      ['tsproxy watch', 'everything, until Ctrl-C'],
      ['tsproxy watch --status 5xx --path /api/', 'failing requests of the API'],
      ['tsproxy watch --kind websocket --payload', 'WebSockets with their messages'],
      ['tsproxy watch --har traffic.har', 'write an archive for a browser'],
    ],
    document: 'docs/console.md',
  },
  top: {
    details: `Keys: q quits, s changes the order of the servers, r reverses it, p pauses, arrows and page keys scroll.`,
    examples: [
      ['tsproxy top', 'until q is pressed'],
      ['tsproxy top --once --sort rate', 'print the state once'],
    ],
    document: 'docs/console.md',
  },
  lsp: { examples: [['tsproxy lsp', 'started by the editor']], document: 'docs/editors.md' },
  code: { examples: [['tsproxy code if-is-evil', 'explain a code']], document: 'docs/codes.md' },
  help: {
    examples: [
      ['tsproxy help proxy_pass', 'a directive'],
      ["tsproxy help '$host'", 'a variable'],
      ['tsproxy help', 'all directives'],
    ],
    document: 'docs/help-and-completion.md',
  },
  compat: {
    examples: [
      ['tsproxy compat /etc/nginx/nginx.conf', 'report on a file with its includes'],
      ['tsproxy compat sites-available/ --json', 'on a directory, for programs'],
      ['tsproxy compat nginx.conf --nginx 1.28.0', 'for a release of nginx'],
    ],
    document: 'docs/compat.md',
  },
  convert: {
    examples: [
      ['tsproxy convert Caddyfile -o nginx.conf', 'from Caddy'],
      ['tsproxy convert haproxy.cfg --comments', 'from HAProxy, with what is missing'],
      ['tsproxy convert nginx.conf --to json', 'as JSON'],
    ],
    document: 'docs/convert.md',
  },
  completion: {
    examples: [
      ['source <(tsproxy completion bash)', 'in ~/.bashrc'],
      ['tsproxy completion fish | source', 'in config.fish'],
    ],
    document: 'docs/help-and-completion.md',
  },
};

/** Text after the options in the help of a command. */
export function examplesText({ details, examples, document }: CommandHelp): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, description]) => `  ${line.padEnd(width)}   ${description}`);
  const before = details === undefined ? '' : `\n${details}\n`;
  return `${before}\nExamples:\n${lines.join('\n')}\n\nDocumentation: ${documentUrl(document)}`;
}
