/** The extension for Visual Studio Code, `editors/vscode`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { DEFAULT_SETTINGS } from '../../src/lsp/settings.js';
import { modules } from '../../src/modules/index.js';
import { command, Prefix } from '../cli/running.js';

const EXTENSION = fileURLToPath(new URL('../../../editors/vscode/', import.meta.url));
const isInstalled = existsSync(join(EXTENSION, 'node_modules/@vscode/vsce'));
const skip = isInstalled ? false : 'its packages are not installed: npm --prefix editors/vscode ci --ignore-scripts';

interface ProblemPattern {
  readonly regexp: string;
  readonly file?: number;
  readonly line?: number;
  readonly column?: number;
  readonly code?: number;
  readonly message?: number;
}

interface Manifest {
  readonly contributes: {
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly default: unknown }>> };
    readonly grammars: readonly { readonly path: string; readonly scopeName: string }[];
    readonly languages: readonly { readonly configuration: string }[];
    readonly problemMatchers: readonly { readonly pattern: readonly ProblemPattern[] }[];
  };
}

function read<T>(path: string): T {
  return JSON.parse(readFileSync(join(EXTENSION, path), 'utf8')) as T;
}

const { contributes } = read<Manifest>('package.json');

test('the extension has the settings of the server, with its defaults', () => {
  const { properties } = contributes.configuration;
  for (const [name, value] of Object.entries(DEFAULT_SETTINGS)) {
    assert.deepEqual(properties[`tsproxy.${name}`]?.default, value, name);
  }
  const own = ['command', 'trace.server'];
  assert.deepEqual(
    Object.keys(properties).sort(),
    [...Object.keys(DEFAULT_SETTINGS), ...own].map((name) => `tsproxy.${name}`).sort(),
  );
});

test('the files that the extension names are there and valid', () => {
  for (const { path } of contributes.grammars)
    assert.equal(read<{ scopeName: string }>(path).scopeName, 'source.nginx');
  for (const { configuration } of contributes.languages) {
    const { wordPattern, indentationRules } = read<{ wordPattern: string; indentationRules: Record<string, string> }>(
      configuration,
    );
    assert.deepEqual('a $host @b-c'.match(new RegExp(wordPattern, 'g')), ['a', '$host', '@b-c']);
    assert.match('    location ~ x {', new RegExp(indentationRules.increaseIndentPattern ?? ''));
    assert.match('    }', new RegExp(indentationRules.decreaseIndentPattern ?? ''));
  }
});

interface Grammar {
  readonly repository: {
    readonly statement: {
      readonly patterns: readonly {
        readonly begin: string;
        readonly beginCaptures: { readonly 1: { readonly name: string } };
      }[];
    };
  };
}

test('the grammar knows every directive', () => {
  const { patterns } = read<Grammar>('syntaxes/nginx.tmLanguage.json').repository.statement;
  const rules = patterns.map(({ begin, beginCaptures }) => ({
    begin: new RegExp(begin),
    scope: beginCaptures[1].name,
  }));
  const scopeOf = (text: string) => rules.find(({ begin }) => begin.exec(text)?.index === 0)?.scope;
  let known = 0;
  for (const { directives } of modules) {
    for (const [name, { body }] of Object.entries(directives)) {
      // Both a block and, in an upstream, a directive without one.
      const isBlock = body !== undefined || name === 'server';
      assert.equal(
        scopeOf(`${name} x;`),
        isBlock ? 'keyword.control.block.nginx' : 'support.function.directive.nginx',
        name,
      );
      known++;
    }
  }
  assert.ok(known > 500);
  assert.equal(scopeOf('fastcgi_pass x;'), 'support.function.directive.nginx');
  assert.equal(scopeOf('unknown_one x;'), 'entity.name.tag.entry.nginx');
});

test('the problem matcher reads the output of -t', async (t) => {
  const prefix = new Prefix(
    t,
    'events {}\nhttp {\n  server { listn 80; location / { return 200; add_header Content-Type a; } }\n}\n',
  );
  const { stderr } = await command([...prefix.words, '-t']);
  const [first, second] = contributes.problemMatchers[0]?.pattern ?? [];
  assert.ok(first !== undefined && second !== undefined);
  const lines = stderr.split('\n');
  const found: (string | undefined)[][] = [];
  lines.forEach((line, i) => {
    const head = new RegExp(first.regexp).exec(line);
    const place = new RegExp(second.regexp).exec(lines[i + 1] ?? '');
    if (head === null || place === null) return;
    const group = (n: number | undefined) => place[n ?? 0];
    found.push([
      head[first.message ?? 0],
      group(second.file),
      group(second.line),
      group(second.column),
      group(second.code),
    ]);
  });
  const file = join(prefix.path, 'nginx.conf');
  assert.deepEqual(found, [
    ['unknown directive "listn"', file, '3', '12', 'unknown-directive'],
    ['"add_header" adds a second Content-Type', file, '3', '58', 'header-content-type'],
  ]);
});

test('the extension starts the tsproxy of the settings, of a trusted workspace, or of PATH', async (t) => {
  const { outputFiles } = await build({
    entryPoints: [join(EXTENSION, 'src/command.ts')],
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const url = `data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? '')}`;
  const { startCommand } = (await import(url)) as {
    startCommand(options: object): { readonly command: string; readonly shell: boolean };
  };
  const folder = mkdtempSync(join(tmpdir(), 'tsproxy-vscode-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const options = { configured: '', folders: [folder], trusted: true, platform: 'linux' };
  assert.deepEqual(startCommand(options), { command: 'tsproxy', shell: false });
  const local = join(folder, 'node_modules/.bin/tsproxy');
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  writeFileSync(local, '');
  assert.deepEqual(startCommand(options), { command: local, shell: false });
  assert.deepEqual(startCommand({ ...options, trusted: false }), { command: 'tsproxy', shell: false });
  assert.deepEqual(startCommand({ ...options, configured: '/opt/tsproxy' }), { command: '/opt/tsproxy', shell: false });
  assert.deepEqual(startCommand({ ...options, folders: [], platform: 'win32' }), {
    command: 'tsproxy.cmd',
    shell: true,
  });
});

test('the extension is built and packaged', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-vsix-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const vsix = join(directory, 'tsproxy.vsix');
  const vsce = join(EXTENSION, 'node_modules/@vscode/vsce/vsce');
  const words = [vsce, 'package', '--no-dependencies', '--out', vsix];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: EXTENSION });
  assert.match(stdout, /Packaged: .*tsproxy\.vsix/);
  const names = ['extension/dist/extension.js', 'extension/syntaxes/nginx.tmLanguage.json', 'extension/package.json'];
  const archive = readFileSync(vsix, 'latin1');
  for (const name of names) assert.ok(archive.includes(name), name);
  for (const name of ['extension/src/', 'extension/node_modules/']) assert.ok(!archive.includes(name), name);
});

interface TextMate {
  Registry: new (options: object) => { loadGrammar(scope: string): Promise<TextMateGrammar | null> };
  INITIAL: object;
}

interface TextMateGrammar {
  tokenizeLine(
    line: string,
    state: object,
  ): { tokens: { startIndex: number; endIndex: number; scopes: string[] }[]; ruleStack: object };
}

interface Oniguruma {
  loadWASM(data: Uint8Array): Promise<void>;
  createOnigScanner(patterns: string[]): object;
  createOnigString(text: string): object;
}

const TEXT = `server { # a comment
    listen 80 default_server;
    location ~* "\\.(png|jpg)$" {
        proxy_set_header X-A "a \${host} b";
        rewrite_by_lua_block { local t = { a = 1 } }
        limit_req zone=one burst=5;
        error_page 404 @fallback;
    }
    map $a $b { default 1; b# 2; }
}
`;

test('the grammar colors a text as an editor does', { skip }, async () => {
  const require = createRequire(join(EXTENSION, 'package.json'));
  const textmate = require('vscode-textmate') as TextMate;
  const oniguruma = require('vscode-oniguruma') as Oniguruma;
  await oniguruma.loadWASM(readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm')));
  const grammar = await new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns: string[]) => oniguruma.createOnigScanner(patterns),
      createOnigString: (text: string) => oniguruma.createOnigString(text),
    }),
    loadGrammar: (scope: string) =>
      Promise.resolve(scope === 'source.nginx' ? read('syntaxes/nginx.tmLanguage.json') : null),
  }).loadGrammar('source.nginx');
  assert.ok(grammar);
  const found: string[] = [];
  let state = textmate.INITIAL;
  for (const line of TEXT.split('\n')) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    for (const { startIndex, endIndex, scopes } of tokens) {
      found.push(`${scopes.at(-1)?.replace(/\.nginx$/, '')} ${line.slice(startIndex, endIndex)}`);
    }
  }
  for (const token of [
    'keyword.control.block server',
    'comment.line.number-sign # a comment',
    'support.function.directive listen',
    'constant.numeric 80',
    'keyword.operator ~*',
    'string.regexp "\\.(png|jpg)$"',
    'variable.other ${host}',
    'support.function.directive proxy_set_header',
    'keyword.control.block rewrite_by_lua_block',
    'variable.parameter zone',
    'entity.name.function @fallback',
    'keyword.control.block map',
    'support.function.directive limit_req',
  ]) {
    assert.ok(found.includes(token), `${token}\n${found.join('\n')}`);
  }
  assert.ok(!found.some((token) => token.startsWith('comment') && token.includes('2;')));
});
