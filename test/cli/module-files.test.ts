/** `load_module` with JavaScript files: a test of the configuration, worker processes, and reloads. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { get, until } from '../kit/index.js';
import { command, freePort, Prefix, serve } from './running.js';

/** A module whose directive `hello` responds with the text, and with the process that does. */
function hello(text: string): string {
  return `import { DONE, defineModule, flag } from 'tsproxy/module';
import { pid } from 'node:process';
export default defineModule({
  name: 'hello',
  doc: 'Responds.',
  directives: { hello: { contexts: ['location'], takes: flag, default: 'off', doc: 'Responds.', example: 'hello on;' } },
  phases: {
    content: {
      order: 0,
      compile: (conf) => (conf.hello ? (x) => { x.respond(200, '${text} ' + pid); return DONE; } : null),
    },
  },
});
`;
}

function configuration(port: number, file = './hello.js'): string {
  return `load_module ${file};
worker_processes 2; pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log notice;
events {}
http { access_log off; server { listen 127.0.0.1:${port}; location / { hello on; } } }
`;
}

/** Requests until both workers have answered; returns the texts that they answered with. */
async function answers(port: number): Promise<Set<string>> {
  const texts = new Map<string, string>();
  for (let i = 0; i < 400 && texts.size < 2; i++) {
    const [text = '', process = ''] = (await get(port)).body.split(' ');
    texts.set(process, text);
  }
  return new Set(texts.values());
}

test('a module serves in all workers; a reload loads a changed file; a replaced worker loads what was checked', async (t) => {
  const port = await freePort();
  const prefix = new Prefix(t, '');
  prefix.write('hello.js', hello('one'));
  const running = await serve(t, configuration(port, `${prefix.path}/hello.js`));
  assert.deepEqual(await answers(port), new Set(['one']));

  prefix.write('hello.js', hello('two'));
  running.signal('SIGHUP');
  await running.logged(/module ".*hello\.js" has changed/);
  await until('generation 2 serves alone', () => running.prefix.log.split('generation 1 exited').length > 2);
  assert.deepEqual(await answers(port), new Set(['two']));

  // The file is broken, but was not reloaded: a worker that replaces another one does not read it.
  prefix.write('hello.js', 'export default };\n');
  const [, worker = ''] = (await get(port)).body.split(' ');
  process.kill(Number(worker), 'SIGKILL');
  await running.logged(new RegExp(`worker process ${worker} exited on signal 9`));
  await until('another worker serves', () => running.prefix.log.split('generation 2 started').length > 3);
  assert.deepEqual(await answers(port), new Set(['two']));

  running.signal('SIGHUP');
  await running.logged(/\[emerg\].*dlopen\(\) ".*hello\.js" failed \(SyntaxError: .* in .*hello\.js:1:\d+\)/);
  assert.deepEqual(await answers(port), new Set(['two']));
  running.signal('SIGQUIT');
  assert.equal(await running.exited, 0);
});

test('-t shows errors in a module with their place', async (t) => {
  const prefix = new Prefix(t, configuration(80));
  const failures: readonly (readonly [text: string, message: RegExp])[] = [
    [hello('one'), /test is successful/],
    [
      'export default {\n  name: ;\n};\n',
      /dlopen\(\) "(.*)hello\.js" failed \(SyntaxError: Unexpected token ';' in \1hello\.js:2:9\) in .*nginx\.conf:1\n.*nginx\.conf:1:13 \(module-not-loaded\)/,
    ],
    ['\nnull.x;\n', /failed \(TypeError: .* in .*hello\.js:2:6\)/],
    ["import { nothing } from 'tsproxy/module';", /failed \(SyntaxError: .*'nothing'.*hello\.js:1/],
    ["import 'no-such-package';", /failed \(Error: Cannot find package 'no-such-package'/],
    [hello('one').replace('takes: flag', 'takes: 5'), /failed \(directive "hello": "takes" is no argument type\)/],
    [
      hello('one').replace("default: 'off'", "default: 'maybe'"),
      /failed \(directive "hello": default of hello: invalid value "maybe"/,
    ],
    [hello('one').replace('content: {', 'contents: {'), /failed \(there is no phase "contents"\)/],
    [
      hello('one')
        .replace('takes: flag', "takes: custom('x', 0, 9, () => null.x)")
        .replace(", default: 'off'", '')
        .replace('flag', 'custom'),
      /"hello" cannot be read \(TypeError: Cannot read .* in .*hello\.js:6:\d+\)/,
    ],
    [
      hello('one').replace('conf.hello ?', 'conf.hello.x.y ?'),
      /module "hello" failed in "content" \(TypeError: .* in .*hello\.js:10:\d+\)/,
    ],
    ['export default 7;', /dlsym\(\) ".*hello\.js", "default" failed \(not created by defineModule\)/],
    [hello('one').replace("name: 'hello'", "name: 'proxy'"), /module "proxy" is already loaded/],
    [
      hello('one').replace('directives: { hello:', 'directives: { proxy_pass:'),
      /directive "proxy_pass" of module "hello" is already declared by "proxy"/,
    ],
  ];
  for (const [text, message] of failures) {
    prefix.write('hello.js', text);
    const { stderr } = await command(['-t', ...prefix.words]);
    assert.match(stderr, message, text);
    // A module that cannot be loaded is the only error.
    assert.doesNotMatch(stderr, /unknown directive/);
  }
});

test('a file of another user in a directory open to all is not loaded', {
  skip: process.getuid?.() === 0 ? false : 'only root can give files away',
}, async (t) => {
  const prefix = new Prefix(t, '');
  mkdirSync(`${prefix.path}/open`);
  chmodSync(`${prefix.path}/open`, 0o1777);
  prefix.write('open/hello.js', hello('one'));
  chownSync(`${prefix.path}/open/hello.js`, 65534, 65534);
  prefix.write('nginx.conf', configuration(80, './open/hello.js'));
  const { stderr } = await command(['-t', ...prefix.words]);
  assert.match(stderr, /dlopen\(\) ".*open\/hello\.js" failed \(not trusted: .*65534/);
});

test('explain, diff and compat load modules', async (t) => {
  const prefix = new Prefix(t, configuration(8080));
  prefix.write('hello.js', hello('one'));
  const file = `${prefix.path}/nginx.conf`;
  const explained = await command(['explain', '-p', prefix.path, '-c', file, '/x']);
  assert.match(explained.stdout, /content: hello/);
  assert.equal((await command(['diff', '-p', prefix.path, file, file])).code, 0);
  const survey = await command(['compat', '-p', prefix.path, file]);
  assert.equal(survey.code, 0, survey.stdout);
  assert.doesNotMatch(survey.stdout, /unknown/);
});
