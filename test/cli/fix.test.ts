import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, lstatSync, openSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { replaceFiles } from '../../src/cli/replace-files.js';
import { BINARY, command, Prefix } from './running.js';

const MISTAKEN = `events { }
http {
    sendfle on;
    include more.conf;
    server {
        listen 127.0.0.1:0
        server_name a.example;
    };
}
`;
const MENDED = `events { }
http {
    sendfile on;
    include more.conf;
    server {
        listen 127.0.0.1:0;
        server_name a.example;
    }
}
`;

test('--fix mends all files of a configuration, and checks them again', async (t) => {
  const prefix = new Prefix(t, MISTAKEN);
  prefix.write('more.conf', 'tcp_nopus on;\n');
  const result = await command([...prefix.words, '-t', '--fix']);
  assert.equal(prefix.read('nginx.conf'), MENDED);
  assert.equal(prefix.read('more.conf'), 'tcp_nopush on;\n');
  assert.match(result.stderr, /^tsproxy: fixed 4 findings in .*nginx\.conf, .*more\.conf\n/);
  assert.match(result.stderr, /test is successful\n$/);
  assert.equal(result.code, 0);
});

test('a second --fix finds nothing to fix', async (t) => {
  const prefix = new Prefix(t, MENDED.replace('    include more.conf;\n', ''));
  const result = await command([...prefix.words, '--fix']);
  assert.match(result.stderr, /^tsproxy: no fixes to apply\n/);
  assert.equal(result.code, 0);
});

test('--dry-run changes nothing, and shows a diff that patch takes', async (t) => {
  const prefix = new Prefix(t, MISTAKEN);
  prefix.write('more.conf', 'tcp_nopush on;\n');
  const result = await command([...prefix.words, '--fix', '--dry-run'], { cwd: prefix.path });
  assert.equal(prefix.read('nginx.conf'), MISTAKEN);
  assert.match(result.stdout, /^--- nginx\.conf.*\n\+\+\+ nginx\.conf.*\n@@ -1,9 \+1,9 @@\n/);
  assert.match(result.stdout, /\n- {4}sendfle on;\n\+ {4}sendfile on;\n/);
  assert.match(result.stderr, /^tsproxy: --fix would fix 3 findings in /);
  assert.equal(result.code, 1);
  assert.equal((await command([...prefix.words, '--fix', '--dry-run', '--json'])).code, 2);
});

test('uncertain fixes are not applied', async (t) => {
  const text = 'events { }\nhttp { proxy_red x; server { listen 127.0.0.1:0; add_header A "b; } }\n';
  const prefix = new Prefix(t, text);
  const result = await command([...prefix.words, '--fix']);
  assert.equal(prefix.read('nginx.conf'), text);
  assert.equal(result.code, 1);
});

test('suppressed findings are not fixed', async (t) => {
  const text = 'events { }\nhttp { error_log off; # tsproxy-ignore: error-log-off\n}\n';
  const prefix = new Prefix(t, text);
  assert.equal((await command([...prefix.words, '--fix'])).code, 0);
  assert.equal((await command([...prefix.words, '--fix', '--ignore', 'error-log-off'])).code, 0);
  assert.equal(prefix.read('nginx.conf'), text);
});

test('mode and links stay as they are, and nothing is left beside the file', async (t) => {
  const prefix = new Prefix(t, 'events { }\nhttp { include link.conf; }\n');
  prefix.write('real.conf', 'sendfle on;\n');
  chmodSync(join(prefix.path, 'real.conf'), 0o640);
  symlinkSync('real.conf', join(prefix.path, 'link.conf'));
  const before = readdirSync(prefix.path);
  assert.equal((await command([...prefix.words, '--fix'])).code, 0);
  assert.equal(prefix.read('real.conf'), 'sendfile on;\n');
  assert.equal(statSync(join(prefix.path, 'real.conf')).mode & 0o7777, 0o640);
  assert.ok(lstatSync(join(prefix.path, 'link.conf')).isSymbolicLink());
  assert.deepEqual(readdirSync(prefix.path), before);
});

test('files are replaced all together or not at all', (t) => {
  const prefix = new Prefix(t, '');
  prefix.write('a', 'one');
  prefix.write('b', 'changed by someone else');
  const before = readdirSync(prefix.path);
  const replace = (name: string, from: string) => ({ path: join(prefix.path, name), before: from, after: 'new' });
  assert.throws(() => replaceFiles([replace('a', 'one'), replace('b', 'two')]), /"[^"]*\/b" was changed meanwhile/);
  assert.throws(() => replaceFiles([replace('a', 'one'), replace('missing', '')]), /ENOENT/);
  assert.deepEqual([prefix.read('a'), prefix.read('b')], ['one', 'changed by someone else']);
  assert.deepEqual(readdirSync(prefix.path), before);
});

const TEMPLATE = `events {}
http {
  server {
    listen {{ port }};
    location /a { proxy_set_header Host {{ host }}; proxy_passs http://{{ upstream }}; }
  }
  {% if more %}
  servre { listen 127.0.0.1:81; }
  {% endif %}
  sendfle {{ sendfile }};
}
`;
const MENDED_TEMPLATE = TEMPLATE.replace('passs', 'pass').replace('servre', 'server').replace('sendfle', 'sendfile');

test('--fix keeps the tags of a template, as a file and in a directory, and checks the result', async (t) => {
  const prefix = new Prefix(t, '');
  prefix.write('nginx.conf.j2', TEMPLATE);
  prefix.write('nginx.conf', 'events {}\n');
  const file = await command(['-t', '--fix', join(prefix.path, 'nginx.conf.j2')]);
  assert.equal(prefix.read('nginx.conf.j2'), MENDED_TEMPLATE);
  assert.match(file.stderr, /^tsproxy: fixed 3 findings in .*nginx\.conf\.j2\n/);
  assert.match(file.stderr, /test is successful\n$/);
  prefix.write('nginx.conf.j2', TEMPLATE);
  const directory = await command(['-t', '--fix', prefix.path]);
  assert.equal(prefix.read('nginx.conf.j2'), MENDED_TEMPLATE);
  assert.match(directory.stderr, /test is successful\n$/);
});

test('--fix of a dump or of standard input changes no files that it names', async (t) => {
  const prefix = new Prefix(t, 'of this machine\n');
  const main = join(prefix.path, 'nginx.conf');
  const dump = `# configuration file ${main}:\nevents {}\nhttp { sendfle on; }\n\n`;
  prefix.write('dump.txt', dump);
  for (const [words, input] of [
    [['-t', '--fix', join(prefix.path, 'dump.txt')], ''],
    [['-t', '--fix', '-'], dump],
    [['-t', '--fix', '-'], 'evnts {}\n'],
  ] as const) {
    const { stderr, code } = await command(words, { stdin: input });
    assert.match(stderr, /^tsproxy: 1 not fixed: --fix changes files, not a dump or standard input\n/);
    assert.equal(code, 1);
    assert.equal(prefix.read('nginx.conf'), 'of this machine\n');
    assert.equal(prefix.read('dump.txt'), dump);
  }
});

test('the text of standard input is tested after a fix of a file that it includes', async (t) => {
  const prefix = new Prefix(t, '');
  prefix.write('more.conf', 'sendfle on;\n');
  const text = `events {}\nhttp { include ${join(prefix.path, 'more.conf')}; }\n`;
  const { stderr, code } = await command(['-t', '--fix', '-'], { stdin: text });
  assert.match(stderr, /^tsproxy: fixed 1 finding in .*more\.conf\n/);
  assert.match(stderr, /test is successful\n$/);
  assert.equal(code, 0);
  assert.equal(prefix.read('more.conf'), 'sendfile on;\n');
});

test('a file that is standard input is tested, and not fixed', (t) => {
  const text = 'events {}\nhttp { sendfle on; }\n';
  const prefix = new Prefix(t, text);
  const input = openSync(join(prefix.path, 'nginx.conf'), 'r');
  t.after(() => closeSync(input));
  const { stderr, status } = spawnSync(process.execPath, [BINARY, '-t', '--fix', '-'], {
    stdio: [input, 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  assert.match(stderr, /^tsproxy: 1 not fixed: --fix changes files, not a dump or standard input\n/);
  assert.match(stderr, /unknown directive "sendfle"/);
  assert.equal(status, 1);
  assert.equal(prefix.read('nginx.conf'), text);
});
