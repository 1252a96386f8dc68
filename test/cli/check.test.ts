import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { BINARY, command, Prefix } from './running.js';

const GOOD = 'worker_rlimit_core 1m;\nevents { }\nhttp {\n    include more.conf;\n}\n';
const MORE = 'server {\n    listen 127.0.0.1:8080;\n}\n';

test('-t reports a valid file with nginx’s messages', async (t) => {
  const prefix = new Prefix(t, GOOD);
  prefix.write('more.conf', MORE);
  const file = `${prefix.path}/nginx.conf`;
  const result = await command([...prefix.words, '-t']);
  assert.equal(result.code, 0);
  assert.equal(result.stdout, '');
  assert.equal(
    result.stderr,
    `tsproxy: the configuration file ${file} syntax is ok\ntsproxy: configuration file ${file} test is successful\n`,
  );
  assert.deepEqual(await command([...prefix.words, '-tq']), { code: 0, stdout: '', stderr: '' });
});

test('-T prints all files as nginx does', async (t) => {
  const prefix = new Prefix(t, GOOD);
  prefix.write('more.conf', MORE);
  const result = await command([...prefix.words, '-T']);
  assert.equal(
    result.stdout,
    `# configuration file ${prefix.path}/nginx.conf:\n${GOOD}\n# configuration file ${prefix.path}/more.conf:\n${MORE}\n`,
  );
});

test('-t finds five mistakes in one run, each with line and column', async (t) => {
  const prefix = new Prefix(
    t,
    'events { }\nhttp {\n  sendfle on;\n  server {\n    listen 99999;\n    keepalive_timeout forever;\n    return;\n    proxy_pass http://127.0.0.1;\n  }\n}\n',
  );
  const result = await command([...prefix.words, '-t']);
  assert.equal(result.code, 1);
  const places = [...result.stderr.matchAll(/--> .*nginx\.conf:(\d+):(\d+) /g)].map((match) => match[1]);
  assert.deepEqual(places, ['3', '5', '6', '7', '8']);
  assert.match(result.stderr, /did you mean "sendfile"/);
  assert.match(result.stderr, /tsproxy: configuration file .*nginx\.conf test failed\n$/);
});

test('a slow reader receives the whole output', async (t) => {
  const prefix = new Prefix(t, `events { }\nhttp {\n${'  sendfle on;\n'.repeat(900)}}\n`);
  const slow = spawn('/bin/sh', [
    '-c',
    `"$@" 2>&1 >/dev/null | (sleep 0.5; tail -n 1)`,
    'sh',
    BINARY,
    ...prefix.words,
    '-t',
  ]);
  let text = '';
  for await (const chunk of slow.stdout) text += String(chunk);
  assert.match(text, /nginx\.conf test failed\n$/);
});

test('--json gives the findings as data', async (t) => {
  const prefix = new Prefix(t, 'events { }\nhttp { sendfle on; }\n');
  const result = await command([...prefix.words, '-t', '--json']);
  assert.equal(result.code, 1);
  const [finding] = JSON.parse(result.stdout) as { code: string; at: { line: number; column: number } }[];
  assert.equal(finding?.code, 'unknown-directive');
  assert.deepEqual([finding?.at.line, finding?.at.column], [2, 8]);
});

test('--list-no-effect lists directives that are accepted without effect', async (t) => {
  const prefix = new Prefix(t, GOOD);
  prefix.write('more.conf', MORE);
  const result = await command([...prefix.words, '--list-no-effect']);
  assert.equal(result.code, 0);
  assert.match(result.stdout, /^.*nginx\.conf:1:1: worker_rlimit_core: .+\n$/);
});

test('--list-no-effect and compat list parameters that are accepted without effect', async (t) => {
  const prefix = new Prefix(
    t,
    'events { }\nhttp {\n  server {\n    listen 8080 so_keepalive=on rcvbuf=64k deferred;\n    ssl_protocols TLSv1.2 sslv3;\n    sendfile on;\n  }\n}\n',
  );
  const listed = await command([...prefix.words, '--list-no-effect']);
  assert.deepEqual(
    [...listed.stdout.matchAll(/nginx\.conf:(\d+:\d+: [^:]+):/g)].map(([, line]) => line),
    ['4:33: listen rcvbuf', '4:44: listen deferred', '5:27: ssl_protocols SSLv3', '6:5: sendfile'],
  );
  const survey = await command(['compat', '--json', `${prefix.path}/nginx.conf`]);
  const { entries } = JSON.parse(survey.stdout) as { entries: { name: string; status: string }[] };
  assert.deepEqual(
    entries.filter(({ status }) => status === 'without effect').map(({ name }) => name),
    ['listen rcvbuf', 'listen deferred', 'ssl_protocols SSLv3', 'sendfile'],
  );
  assert.ok(entries.some(({ name, status }) => name === 'listen' && status === 'supported'));
});

test('a missing file is reported with nginx’s message', async (t) => {
  const prefix = new Prefix(t, GOOD);
  const result = await command(['-p', prefix.path, '-c', 'other.conf', '-t']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /^tsproxy: \[emerg\] open\(\) ".*\/other\.conf" failed \(2: No such file or directory\)/);
});

test('-s reports an unusable pid file with nginx’s message', async (t) => {
  const prefix = new Prefix(t, 'pid %%DIR%%/nginx.pid;\nevents { }\n');
  const missing = await command([...prefix.words, '-s', 'reload']);
  assert.equal(missing.code, 1);
  assert.equal(
    missing.stderr,
    `tsproxy: [error] open() "${prefix.path}/nginx.pid" failed (2: No such file or directory)\n`,
  );
  prefix.write('nginx.pid', 'x\n');
  const invalid = await command([...prefix.words, '-s', 'stop']);
  assert.equal(invalid.stderr, `tsproxy: [error] invalid PID number "x" in "${prefix.path}/nginx.pid"\n`);
});

test('-V has the version and the modules as tools read them', async () => {
  const result = await command(['-V']);
  assert.equal(result.code, 0);
  assert.match(result.stderr, /^nginx version: nginx\/\d+\.\d+\.\d+ \(tsproxy\/\d+\.\d+\.\d+\)\n/);
  assert.match(result.stderr, /\nconfigure arguments: .*--without-http_fastcgi_module/);
  assert.doesNotMatch(result.stderr, /--without-http_(map|proxy|rewrite)_module/);
});

test('the configuration is looked for in conf/ and in the working directory', async (t) => {
  const prefix = new Prefix(t, 'events { }\n');
  const result = await command(['-t'], { cwd: prefix.path });
  assert.equal(result.code, 0);
  assert.match(result.stderr, /\/nginx\.conf test is successful\n$/);
});

test('the pid file and temporary directories are tried as a start does, and left as they were', async (t) => {
  const prefix = new Prefix(t, 'pid %%DIR%%/x.pid;\nevents { }\nhttp { client_body_temp_path %%DIR%%/body; }\n');
  assert.equal((await command([...prefix.words, '-t'])).code, 0);
  assert.ok(!existsSync(`${prefix.path}/x.pid`) && !existsSync(`${prefix.path}/body`));
  prefix.write('nginx.conf', 'pid %%DIR%%/none/x.pid;\nevents { }\nhttp { }\n');
  const pid = await command([...prefix.words, '-t']);
  assert.match(pid.stderr, /open\(\) ".*\/none\/x\.pid" failed \(2: No such file or directory\) in .*nginx\.conf:1\n/);
  assert.equal(pid.code, 1);
  prefix.write('nginx.conf', 'events { }\nhttp {\nproxy_temp_path %%DIR%%/none/proxy; }\n');
  const temporary = await command([...prefix.words, '-t']);
  assert.match(
    temporary.stderr,
    /mkdir\(\) ".*\/none\/proxy" failed \(2: No such file or directory\) in .*nginx\.conf:3\n/,
  );
  assert.equal(temporary.code, 1);
});

test('a file that is included twice is printed once by -T', async (t) => {
  const prefix = new Prefix(t, 'events { }\nhttp { include more.conf; include more.conf; }\n');
  prefix.write('more.conf', 'server { listen 127.0.0.1:0; }\n');
  const { stdout } = await command([...prefix.words, '-T']);
  assert.equal(stdout.match(/# configuration file .*more\.conf:/g)?.length, 1);
});

test('-t of a file with unsupported features lists them by module, and names the command with all places', async (t) => {
  const hint =
    /^tsproxy: not supported \(with the number of places\):\n {2}ngx_http_degradation_module: degrade \(6\)\ntsproxy: "tsproxy compat .*nginx\.conf" lists all places; --allow-unsupported starts without them$/m;
  const prefix = new Prefix(t, `events { }\nhttp {\ndegrade 204;\n}\n`);
  assert.doesNotMatch((await command([...prefix.words, '-t'])).stderr, hint);
  prefix.write('nginx.conf', `events { }\nhttp {\n${'degrade 204;\n'.repeat(6)}}\n`);
  assert.match((await command([...prefix.words, '-t'])).stderr, hint);
});

test('-t reports a promise of a module that is rejected, and nothing handles, as a warning', async (t) => {
  const prefix = new Prefix(
    t,
    'events { }\nhttp {\n  js_import main.js;\n  server { listen 127.0.0.1:8080; location / { js_content main.hello; } }\n}\n',
  );
  prefix.write(
    'main.js',
    "Promise.reject(new Error('nobody waits'));\nexport const hello = (r) => r.return(200, 'hello');\n",
  );
  const result = await command([...prefix.words, '-t']);
  assert.equal(result.code, 0);
  assert.match(result.stderr, /warn.*js unhandled rejection: Error: nobody waits at .*main\.js:1:16/);
  assert.match(result.stderr, /test is successful/);
  const explained = await command(['explain', ...prefix.words, '/']);
  assert.equal(explained.code, 0, explained.stderr);
});
