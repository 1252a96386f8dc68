import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pages } from '../../src/cli/help/pages.js';
import { helpText } from '../../src/cli/help.js';
import { COLOURED, PLAIN } from '../../src/diagnostics/style.js';
import { modules } from '../../src/modules/index.js';
import { command } from './running.js';

const WIDTH = 80;

/** Help text of a name; null if there is none. */
function textOf(name?: string): string | null {
  return helpText(name, new Pages(PLAIN, WIDTH), (command) => (command === 'fmt' ? 'Usage: tsproxy fmt\n' : null));
}

function has(name: string, ...pieces: (string | RegExp)[]): void {
  const text = textOf(name) ?? '';
  for (const piece of pieces) {
    assert.ok(typeof piece === 'string' ? text.includes(piece) : piece.test(text), `${piece} is not in:\n${text}`);
  }
}

test('every directive is explained, for each module that has it', () => {
  for (const module of modules) {
    for (const [name, spec] of Object.entries(module.directives)) {
      const text = textOf(name) ?? '';
      assert.ok(text.includes(`${name}  (module ${module.name})`), name);
      const words = text.replace(/\s+/g, ' ');
      for (const piece of [spec.doc, spec.noEffect, spec.differs, spec.example, spec.takes.syntax]) {
        assert.ok(piece === undefined || words.includes(piece.trim().replace(/\s+/g, ' ')), `${name}: ${piece}`);
      }
    }
  }
});

test('every variable and every module is explained', () => {
  for (const { name, doc, directives, variables = {} } of modules) {
    for (const [variable, spec] of Object.entries(variables)) {
      assert.ok(
        textOf(`$${variable.replace('*', 'x')}`)
          ?.replace(/\s+/g, ' ')
          .includes(spec.doc),
        variable,
      );
    }
    const text = textOf(name)?.replace(/\s+/g, ' ') ?? '';
    assert.ok(Object.hasOwn(directives, name) || text.includes(doc), name);
    for (const directive of Object.keys(directives)) assert.ok(text.includes(directive), directive);
  }
});

test('text fits the terminal', () => {
  for (const name of [undefined, ...modules.flatMap(({ directives }) => Object.keys(directives))]) {
    const prose = (textOf(name) ?? '').split('Example:')[0] ?? '';
    for (const line of prose.split('\n')) assert.ok(line.length <= WIDTH || !line.trim().includes(' '), line);
  }
});

test('a directive is explained with its syntax, default, contexts and first version', () => {
  has(
    'resolver_timeout',
    'Syntax:   resolver_timeout time;',
    'Default:  resolver_timeout 30s;',
    'Since:    nginx 0.6.18',
  );
  has('resolver_timeout', '(module core)', '(module upstream)', 'Since:    nginx 1.27.3');
  has('daemon', 'Differs from nginx.', 'Context:  main\n');
  has('map_hash_max_size', 'Accepted without effect.');
});

test('a name that is more than one thing leads to the others', () => {
  has('server_name', "There is also a variable: tsproxy help '$server_name'");
});

test('a directive that only nginx has is explained with its module', () => {
  has('degrade', 'not in tsproxy', 'ngx_http_degradation_module');
  has('$memcached_key', 'ngx_http_memcached_module');
  has('content_by_lua_block', 'third-party');
});

test('a command is explained by its own help, and without a name all directives are listed', () => {
  assert.equal(textOf('fmt'), 'Usage: tsproxy fmt\n');
  const overview = textOf() ?? '';
  for (const name of ['proxy_pass', 'limit_conn', 'upstream']) assert.ok(overview.includes(name));
});

test('colours replace the quotes of code', () => {
  const text = helpText('daemon', new Pages(COLOURED, WIDTH), () => null) ?? '';
  assert.ok(text.includes('\x1b[36moff\x1b[0m'));
  assert.ok(!text.includes('`off`'));
});

test('an unknown name is answered with the nearest ones, and fails', async () => {
  const mistyped = await command(['help', 'proxy_pas']);
  assert.deepEqual(mistyped, {
    code: 1,
    stdout: '',
    stderr: 'tsproxy: there is no directive, variable or module "proxy_pas"; did you mean "proxy_pass"?\n',
  });
  assert.match((await command(['help', '$hots'])).stderr, /there is no variable "\$hots"; did you mean "\$host" or/);
  assert.match((await command(['help', 'syntax'])).stderr, /"syntax" is a code of findings: tsproxy code syntax/);
  assert.match((await command(['help', 'xyzzy-plugh'])).stderr, /"tsproxy help" lists all directives/);
});

test('help is a command as others are', async () => {
  const output = await command(['help', 'listen']);
  assert.equal(output.code, 0);
  assert.match(output.stdout, /^listen {2}\(module core\)\n\n {2}Syntax: {3}listen /);
  assert.match((await command(['help', 'fmt'])).stdout, /^Usage: tsproxy fmt \[options\]/);
});
