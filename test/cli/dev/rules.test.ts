/** The rules of `tsproxy dev`, applied to texts: the statements that are checked, and the lines of the banner. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { GENERATED } from '../../../src/cli/dev/generated-text.js';
import { NginxSite, type NginxSiteOptions } from '../../../src/cli/dev/nginx-site.js';
import { Targets } from '../../../src/cli/dev/targets.js';
import { testedConfiguration } from '../../../src/cli/tested-source.js';
import { UsageError } from '../../../src/cli/usage-error.js';
import { modules } from '../../../src/modules/index.js';
import { checkSource } from '../../../src/process/configuration.js';
import { directory, writeFiles } from './dev-process.js';

type Scope = { after(fn: () => void): void };

interface Adapted {
  /** Statements as they are checked: `listen 127.0.0.1:8080`. */
  readonly statements: readonly string[];
  /** Lines of the banner; a `!` begins those that need an action. */
  readonly notices: readonly string[];
  readonly errors: readonly string[];
  readonly urls: readonly string[];
}

/** Adapts the `nginx.conf` of some files; `%DIR%` is their directory. */
async function adapted(
  t: Scope,
  text: string,
  options: Partial<NginxSiteOptions> & { readonly upstream?: readonly string[] } = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Adapted> {
  const cwd = directory(t);
  process.env.XDG_DATA_HOME = join(cwd, '.data');
  writeFiles(cwd, { ...files, 'nginx.conf': text.replaceAll('%DIR%', cwd) });
  const { upstream = [], ...rest } = options;
  const site = new NginxSite({
    title: 'nginx.conf',
    tested: () =>
      testedConfiguration({
        file: `${cwd}/nginx.conf`,
        prefix: cwd,
        errorLog: undefined,
        globals: 'allow_unsupported on;',
      }),
    modules,
    targets: Targets.parse(upstream),
    ports: new Map(),
    paths: [],
    allowedHosts: [],
    host: null,
    passwords: '',
    ...rest,
  });
  t.after(() => site.close());
  const { source, notices, urls } = await site.prepare();
  const { records, findings } = checkSource(source, site.modules);
  return {
    statements: records.flatMap(({ statements, block }) =>
      // Without those of the console.
      block.at.file === GENERATED
        ? []
        : [...statements.values()].flat().map(({ name, args }) => [name, ...args].map((word) => word.text).join(' ')),
    ),
    notices: notices.map(({ subject, text: line, warning }) => `${warning === true ? '!' : ''}${subject}: ${line}`),
    errors: findings.filter(({ severity }) => severity === 'error').map(({ message }) => message),
    urls: urls.map(({ url }) => url),
  };
}

/** Arguments of the statements with that name. */
function argumentsOf({ statements }: Adapted, name: string): string[] {
  return statements.flatMap((text) => (text.startsWith(`${name} `) ? [text.slice(name.length + 1)] : []));
}

const http = (content: string): string => `events {}\nhttp {\n${content}\n}\n`;

test('addresses become loopback addresses; each address of a port has its own; socket options are left out', async (t) => {
  const result = await adapted(
    t,
    http(`
      server { listen 80 default_server reuseport backlog=511; listen [::]:80 ipv6only=on; }
      server { listen 10.11.12.1:80 proxy_protocol; }
      server { listen 10.11.12.2:80; listen unix:/run/web.sock; listen unix:/run/a/web.sock; }
      server { listen 443 quic; listen 443 ssl http2; }
      server { server_name no-listen.example; return 204; }`),
  );
  assert.deepEqual(result.errors, []);
  const listens = argumentsOf(result, 'listen');
  const ports = listens.map((text) => Number(/^127\.0\.0\.1:(\d+)/.exec(text)?.[1]));
  const [web = 0] = ports;
  assert.match(listens[0] ?? '', /^127\.0\.0\.1:\d+ default_server$/);
  assert.ok(
    listens.includes(`[::1]:${web}`) || !listens.some((text) => text.startsWith('[')),
    'IPv6 has the same port',
  );
  const own = ports.filter((port) => port > 0);
  const [first, second] = listens.flatMap((text, i) => (/^127\.0\.0\.1:\d+$/.test(text) ? [ports[i]] : []));
  assert.ok(first !== second && first !== web && second !== web, listens.join(', '));
  assert.ok(own.every((port) => port >= 8080));
  // Sockets of the same name in different directories.
  for (const name of ['run-web.sock', 'run-a-web.sock']) assert.ok(listens.some((text) => text.endsWith(`/${name}`)));
  assert.ok(listens.some((text) => / ssl http2$/.test(text)));
  assert.equal(listens.filter((text) => text.includes('quic')).length, 0);
  // nginx listens on port 80 for it.
  assert.equal(listens.filter((text) => text.startsWith(`127.0.0.1:${web}`)).length, 2);
  assert.ok(result.notices.some((line) => line.startsWith('listen … proxy_protocol: ')));
  assert.ok(result.urls.includes(`http://no-listen.example.localhost:${web}/`));
});

test('a port in use moves on to the next free one; --port chooses one', async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.after(() => void taken.close());
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const moved = argumentsOf(await adapted(t, http(`server { listen ${port}; }`)), 'listen')[0] ?? '';
  const to = Number(/:(\d+)$/.exec(moved)?.[1]);
  assert.ok(to > port && to < port + 100, moved);
  const chosen = await adapted(t, http('server { listen 443; listen 8443; }'), { ports: new Map([[443, 9643]]) });
  assert.match(argumentsOf(chosen, 'listen')[0] ?? '', /^127\.0\.0\.1:9643$/);
});

test('servers have a name below localhost for each name that is none yet', async (t) => {
  const result = await adapted(
    t,
    http(
      String.raw`server { listen 80; server_name Shop.example *.shop.example .wild.example www.* _ "" localhost app.localhost 192.0.2.1 ~^(?<sub>\w+)\.re\.example$ ~^any; }`,
    ),
  );
  assert.deepEqual(result.errors, []);
  const [names = ''] = argumentsOf(result, 'server_name');
  const added = names.split(' ').filter((name) => name.includes('localhost'));
  assert.deepEqual(added, [
    'localhost',
    'app.localhost',
    'shop.example.localhost',
    '*.shop.example.localhost',
    '.wild.example.localhost',
    String.raw`~^(?<sub>\w+)\.re\.example(?:\.localhost)?$`,
  ]);
});

test('certificates of clients and upstreams are not accepted if the files to verify them are missing', async (t) => {
  const result = await adapted(
    t,
    http(`
      server {
        listen 443 ssl;
        ssl_client_certificate /etc/ssl/staff-ca.pem;
        ssl_verify_client on;
        location / { proxy_pass https://127.0.0.1:1; proxy_ssl_verify on; proxy_ssl_trusted_certificate /etc/ssl/inner.pem; }
      }
      server {
        listen 444 ssl;
        ssl_client_certificate here.pem;
        ssl_crl /etc/ssl/revoked.pem;
        ssl_verify_client on;
      }`),
    {},
    { 'here.pem': '' },
  );
  for (const [name, count] of [
    ['ssl_client_certificate', 2],
    ['proxy_ssl_trusted_certificate', 1],
  ] as const) {
    const files = argumentsOf(result, name);
    assert.equal(files.length, count);
    for (const file of files) assert.match(file, /\/tsproxy\/ca\/root\.pem$/);
  }
  assert.deepEqual(argumentsOf(result, 'ssl_verify_client'), ['on', 'on']);
  assert.deepEqual(argumentsOf(result, 'ssl_crl'), []);
  assert.equal(result.notices.filter((line) => /^!.*no certificate is accepted$/.test(line)).length, 3);
});

test('without its files, no login is accepted and no token is accepted', async (t) => {
  const result = await adapted(
    t,
    http(`
      server {
        listen 80;
        location /a { auth_basic x; auth_basic_user_file /etc/nginx/.htpasswd; }
        location /b { auth_jwt x; auth_jwt_key_file /etc/nginx/keys.json; }
        location /c { auth_basic x; auth_basic_user_file own.htpasswd; }
      }`),
    {},
    { 'own.htpasswd': 'a:b' },
  );
  const [missing = '', own = ''] = argumentsOf(result, 'auth_basic_user_file');
  assert.match(missing, /\/passwords$/);
  assert.match(own, /\/own\.htpasswd$/);
  assert.match(argumentsOf(result, 'auth_jwt_key_file')[0] ?? '', /\/keys\.json$/);
  assert.deepEqual(
    result.notices.filter((line) => line.startsWith('!')).map((line) => line.replace(/:.*/s, '')),
    ['!auth_basic_user_file /etc/nginx/.htpasswd', '!auth_jwt_key_file /etc/nginx/keys.json'],
  );
});

test('a given server replaces those of a block, a single server, or the host of a pass directive with its scheme', async (t) => {
  const result = await adapted(
    t,
    http(`
      upstream app { zone app 64k; server app-1.invalid:80 weight=2; server app-2.invalid:80; keepalive 4; }
      upstream both { server one.invalid:81; server two.invalid:82 backup; }
      server {
        listen 80;
        location /a { proxy_pass https://app/x/; }
        location /b { proxy_pass http://both; }
        location /c { proxy_pass http://api.invalid:9000; }
        location /d { grpc_pass grpcs://api.invalid:9000; }
        location /e { uwsgi_pass unix:/run/app.sock; uwsgi_param A b; include uwsgi_params; }
      }`),
    {
      upstream: [
        'app=3000',
        'two.invalid:82=unix:/tmp/two.sock',
        'api.invalid=https://localhost:3443',
        'unix:/run/app.sock=localhost:3001',
      ],
    },
  );
  assert.deepEqual(result.errors, []);
  assert.deepEqual(
    argumentsOf(result, 'server').filter((text) => text !== ''),
    ['127.0.0.1:3000', 'one.invalid:81', 'unix:/tmp/two.sock backup'],
  );
  assert.deepEqual(argumentsOf(result, 'proxy_pass'), [
    'http://app/x/',
    'http://both',
    'https://api.invalid:9000',
    'http://unix:/run/app.sock:',
  ]);
  assert.deepEqual(argumentsOf(result, 'grpc_pass'), ['grpcs://api.invalid:9000']);
  assert.deepEqual(argumentsOf(result, 'uwsgi_param'), []);
});

test('a host outside of this machine and its network is named', async (t) => {
  const { notices } = await adapted(
    t,
    http(`server { listen 80;
      location /a { proxy_pass http://203.0.113.9; }
      location /b { proxy_pass http://10.1.2.3; }
      location /c { proxy_pass http://localhost:3000; } }`),
  );
  assert.deepEqual(
    notices.filter((line) => line.startsWith('!')).map((line) => line.replace(/ \(.*?\)/, '')),
    ['!upstream 203.0.113.9: 203.0.113.9 is not on this machine; --upstream 203.0.113.9=localhost:3000'],
  );
});

test('a given server whose name is nowhere in the configuration is named', async (t) => {
  const { notices } = await adapted(
    t,
    http('server { listen 80; location / { set $app wiki; proxy_pass http://$app:3000; } }'),
    { upstream: ['wiki=3000', 'wki=3000'] },
  );
  assert.deepEqual(
    notices.filter((line) => line.startsWith('!')),
    ['!wki: no upstream or host of the configuration has this name'],
  );
});

test('an option that cannot be understood is a usage error', () => {
  for (const option of ['app', '=localhost:3000', 'app=', 'app=ftp://localhost', 'app=localhost:99999']) {
    assert.throws(() => Targets.parse([option]), UsageError, option);
  }
});
