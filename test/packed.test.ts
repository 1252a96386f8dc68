/** The package as it is published, installed in an empty project without a network. */
import assert from 'node:assert/strict';
import { execFile, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from './cli/running.js';
import { until } from './kit/index.js';
import { testTypes } from './package-types.js';
import { packed } from './packed.js';
import { ROOT } from './structure/sources.js';

/** Size of the package with all that is installed with it, bytes. */
const MAX_SIZE = 12_000_000;

const { dependencies, peerDependencies, bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
};

let project = '';
let tarball = '';

before(async () => {
  project = mkdtempSync(join(tmpdir(), 'tsproxy-installed-'));
  // Workers of root run as nobody.
  chmodSync(project, 0o755);
  tarball = await packed(project);
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }');
  // The dependencies are those of the checkout, so that no registry is asked.
  for (const name of [...Object.keys(dependencies), 'xmlchars']) {
    cpSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name), { recursive: true });
  }
  await npm('install', '--omit=dev', '--ignore-scripts', tarball);
});
after(() => rmSync(project, { recursive: true, force: true }));

async function npm(...words: string[]): Promise<void> {
  const options = ['--offline', '--no-audit', '--no-fund', '--no-update-notifier'];
  await promisify(execFile)('npm', [...words, ...options], { cwd: project, timeout: 120_000 });
}

/** Size of a file, or of a directory with its content, as `du -sb` counts it. */
function sizeOf(path: string): number {
  const stats = lstatSync(path);
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), stats.size);
}

const COMMAND = (): string => join(project, 'node_modules/.bin/tsproxy');

function tsproxy(...words: string[]): SpawnSyncReturns<string> {
  return spawnSync(COMMAND(), words, { cwd: project, encoding: 'utf8', timeout: 60_000 });
}

/** Writes a configuration with these directives at http level. */
function configuration(http: string): void {
  writeFileSync(join(project, 'nginx.conf'), `events {}\nhttp {\n${http}\n}\n`);
}

test(`the package and its dependencies take at most ${MAX_SIZE / 1e6} MB`, (t) => {
  const modules = join(project, 'node_modules');
  const names = readdirSync(modules).filter((name) => !name.startsWith('.'));
  assert.deepEqual(names.sort(), [...Object.keys(dependencies), 'tsproxy', 'xmlchars'].sort());
  const size = sizeOf(modules);
  t.diagnostic(`${(size / 1e6).toFixed(2)} MB`);
  assert.ok(size <= MAX_SIZE, `${size} bytes: ${names.map((name) => `${name} ${sizeOf(join(modules, name))}`)}`);
});

test('the package contains what package.json names, and no tests, source maps or caches', () => {
  const installed = join(project, 'node_modules/tsproxy');
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
  for (const path of [...Object.values(bin), 'README.md', 'CHANGELOG.md', 'LICENSE', 'SECURITY.md', 'conf/demo.conf']) {
    assert.ok(files.includes(path), path);
  }
  assert.match(readFileSync(join(installed, 'dist/src/bundle/LICENSES.txt'), 'utf8'), /chevrotain.*prom-client/s);
  assert.deepEqual(
    files.filter((path) => /^dist\/(test|bench|\.originals)|\.(map|cache)$/.test(path)),
    [],
  );
});

test('the entry points of the package load, and a proxy serves metrics without another package', () => {
  writeFileSync(
    join(project, 'embedded.js'),
    `import { checkConfig, createProxy, explain } from 'tsproxy';
import { createProxy as createAlone } from 'tsproxy/proxy';
import { defineModule } from 'tsproxy/module';
import { testRequest } from 'tsproxy/testing';
console.log([checkConfig, explain, createAlone, defineModule, testRequest].map((each) => typeof each).join(' '));
const proxy = createProxy({
  config: 'http { server { listen 127.0.0.1:0; location / { return 200 hello; } location /metrics { metrics; } } }',
});
await proxy.start();
const url = 'http://' + proxy.addresses[0];
console.log(await (await fetch(url)).text());
console.log(/^tsproxy_[a-z_]+(\\{.*\\})? \\d/m.test(await (await fetch(url + '/metrics')).text()));
console.log(checkConfig('http { server { lsten 80; } }').findings.map(({ code }) => code).join());
await proxy.close();
`,
  );
  const { stdout, stderr } = spawnSync(process.execPath, ['embedded.js'], { cwd: project, encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(stdout, 'function function function function function\nhello\ntrue\nunknown-directive\n');
});

/** A configuration for each optional package, and the command that its finding names. */
const FEATURES: readonly (readonly [http: string, directive: string, install: RegExp])[] = [
  [
    'server { listen 127.0.0.1:0; location / { auth_jwt a; auth_jwt_key_file keys.json; } }',
    'auth_jwt',
    /npm install jose@6$/m,
  ],
  [
    'server { listen 127.0.0.1:0; location / { proxy_websocket on; websocket_json_schema s.json; proxy_pass http://127.0.0.1:1; } }',
    'websocket_json_schema',
    /npm install ajv@8$/m,
  ],
  [
    'otel_exporter { endpoint 127.0.0.1:4317; } server { listen 127.0.0.1:0; otel_trace on; }',
    'otel_exporter',
    /npm install @opentelemetry\/api@1 .*@opentelemetry\/resources@2$/m,
  ],
  ['js_import main from script.ts; server { listen 127.0.0.1:0; }', 'script.ts', /npm install @swc\/wasm-typescript@1/],
];

for (const [http, directive, install] of FEATURES) {
  test(`without its package, ${directive} is a finding that says what to install`, () => {
    configuration(http);
    writeFileSync(join(project, 'script.ts'), 'export default {};');
    for (const words of [['-t'], []]) {
      const { status, stderr } = tsproxy('-c', 'nginx.conf', ...words);
      assert.equal(status, 1, stderr);
      assert.match(stderr, install);
      assert.match(stderr, /needs the npm packages? .*not installed/);
      assert.ok(stderr.includes(directive), stderr);
      assert.match(stderr, /nginx\.conf:3:\d+ \(missing-package\)/);
    }
  });
}

test('commands that need an optional package say what to install', () => {
  writeFileSync(
    join(project, 'proxies.ts'),
    `import { createProxyMiddleware } from 'http-proxy-middleware';
export const api = createProxyMiddleware({ target: 'http://localhost:4000' as string });
`,
  );
  for (const [words, install] of [
    [['lsp'], /npm install vscode-languageserver@11 vscode-languageserver-textdocument@1$/m],
    [['convert', '--from', 'http-proxy-middleware', 'proxies.ts'], /npm install @swc\/wasm-typescript@1$/m],
  ] as const) {
    const { status, stderr } = tsproxy(...words);
    assert.equal(status, 1, stderr);
    assert.match(stderr, install);
  }
});

test('an optional package that is installed later is found', async () => {
  configuration(FEATURES[0]?.[0] ?? '');
  writeFileSync(
    join(project, 'keys.json'),
    '{ "keys": [{ "kty": "oct", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0" }] }',
  );
  const jose = join(project, 'node_modules/jose');
  cpSync(join(ROOT, 'node_modules/jose'), jose, { recursive: true });
  try {
    const { status, stderr } = tsproxy('-t', '-c', 'nginx.conf');
    assert.equal(status, 0, stderr);
  } finally {
    rmSync(jose, { recursive: true });
  }
});

test('neither -t nor serving a file loads an optional package', async (t) => {
  // Packages that report that they are loaded.
  const directories = Object.keys(peerDependencies).map((name) => join(project, 'node_modules', name));
  for (const directory of directories) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'package.json'), '{ "version": "1.0.0", "main": "index.js" }');
    writeFileSync(join(directory, 'index.js'), `console.error('LOADED ${directory}');`);
  }
  t.after(() => {
    for (const directory of directories) {
      const scope = dirname(directory);
      rmSync(basename(scope).startsWith('@') ? scope : directory, { recursive: true, force: true });
    }
  });
  const port = await freePort();
  configuration(`server { listen 127.0.0.1:${port}; location / { root .; } }`);
  writeFileSync(join(project, 'page.html'), 'a page');
  const { status, stderr } = tsproxy('-t', '-c', 'nginx.conf');
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /LOADED/);
  const server = spawn(COMMAND(), ['-c', 'nginx.conf', '-e', 'stderr'], { cwd: project });
  t.after(() => server.kill('SIGKILL'));
  let printed = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
  }
  await until('the proxy is listening', () => printed.includes('listening on') || server.exitCode !== null);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/page.html`)).text(), 'a page');
  server.kill('SIGQUIT');
  await once(server, 'close');
  assert.doesNotMatch(printed, /LOADED/);
});

test('npx runs the command of the installed package', () => {
  const words = ['--no-install', 'tsproxy', '-v'];
  const { status, stderr } = spawnSync('npx', words, { cwd: project, encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /tsproxy\/\d/);
});

testTypes(() => tarball);
