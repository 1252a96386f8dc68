import assert from 'node:assert/strict';
import { mkdirSync, renameSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { connect, get, request, startProxy, type TestProxy, until } from '../kit/index.js';

const COMBINED =
  /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/combined HTTP\/1\.1" 200 2 "-" "te\\x22st"$/;

describe('access_log', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `
      log_format test "$uri:$status";
      log_format default escape=default $arg_b|$arg_none|$http_x;
      log_format json escape=json '{"a":"$http_x","b":"$arg_none"}';
      log_format none escape=none '$http_x|$arg_none';
      log_format times '$time_iso8601 $msec $request_time $pipe';
      log_format counts '$status $body_bytes_sent $bytes_sent $request_length';
      map $arg_log $loggable { 0 0; default $arg_log; }
      root %%DIR%%/html;
      server {
        listen 127.0.0.1:0;
        location /combined { access_log logs/combined.log; return 200 OK; location /combined/off { access_log off; return 200 OK; } }
        location /filtered { access_log logs/filtered.log test if=$loggable; return 200 OK; }
        location /multi { access_log logs/1.log test; access_log logs/2.log test; return 200 OK; }
        location /variable { access_log logs/v_$arg_name.log test; return 200 OK; }
        location /cached {
          open_log_file_cache max=2 min_uses=2;
          access_log cached/$arg_name test;
          return 200;
        }
        location /rootless { root %%DIR%%/missing; access_log logs/v_$arg_name.log test; return 200 OK; }
        location /escape { access_log logs/d.log default; access_log logs/j.log json; access_log logs/n.log none; return 200; }
        location /times { access_log logs/times.log times; return 200; }
        location /counts { access_log logs/counts.log counts; return 200 OK; }
        location /buffered { access_log logs/buffered.log test buffer=40; return 200; }
        location /flushed { access_log logs/flushed.log test buffer=4k flush=50ms; return 200; }
        location /gzip { access_log logs/gzip.log test gzip buffer=16 ; return 200; }
        location / { access_log logs/rotated.log test; return 200; }
      }
      server { listen 127.0.0.2:0; return 200 "by default"; }`,
      {},
      { files: { 'html/x': '', 'cached/x': '' } },
    );
  });
  after(() => proxy.close());

  /** The request, and then the lines of the log. */
  const logged = async (path: string, log: string, fields: string[] = []) => {
    const had = proxy.accessLog(log).length;
    await get(proxy.port, path, { fields });
    await until(`${log} grows`, () => proxy.accessLog(log).length > had);
    return proxy.accessLog(log).slice(had);
  };

  test('writes the predefined format, with what is not printable escaped', async () => {
    const [line] = await logged('/combined', 'logs/combined.log', ['User-Agent: te"st']);
    assert.match(line ?? '', COMBINED);
    await get(proxy.port, '/combined/off');
    assert.equal(proxy.accessLog('logs/combined.log').length, 1);
  });
  test('goes to logs/access.log where no other is named', async () => {
    const target = { host: '127.0.0.2', port: proxy.portOf('127.0.0.2') };
    await get(target, '/somewhere');
    await until('a line', () => proxy.accessLog().length > 0);
    assert.match(proxy.accessLog()[0] ?? '', /"GET \/somewhere HTTP\/1\.1" 200 10 "-" "-"$/);
  });
  test('logs only what if= lets through', async () => {
    for (const value of ['', '0', '1', 'yes']) await get(proxy.port, `/filtered/${value}?log=${value}`);
    await until('two lines', () => proxy.accessLog('logs/filtered.log').length >= 2);
    assert.deepEqual(proxy.accessLog('logs/filtered.log'), ['/filtered/1:200', '/filtered/yes:200']);
  });
  test('writes several logs of one level', async () => {
    await logged('/multi', 'logs/2.log');
    assert.deepEqual(proxy.accessLog('logs/1.log'), ['/multi:200']);
  });
  test('writes to a file whose name has variables, if the root exists', async () => {
    assert.deepEqual(await logged('/variable?name=a', 'logs/v_a.log'), ['/variable:200']);
    await get(proxy.port, '/rootless?name=b');
    await until('the error', () =>
      proxy.messages('error').some((m) => m.includes('existence failed (2: No such file')),
    );
    assert.equal(proxy.file('logs/v_b.log'), '');
  });
  test('keeps such files open with open_log_file_cache', async () => {
    for (const name of ['pushed', 'pushed', 'once', 'kept', 'kept']) await get(proxy.port, `/cached?name=${name}`);
    await until('the last line', () => proxy.accessLog('cached/kept').length === 2);
    renameSync(`${proxy.directory}/cached`, `${proxy.directory}/moved`);
    for (const name of ['kept', 'once', 'pushed']) await get(proxy.port, `/cached?name=${name}`);
    await until('the line', () => proxy.accessLog('moved/kept').length === 3);
    await until('the errors', () => proxy.messages('crit').length === 2);
    assert.equal(proxy.accessLog('moved/once').length, 1);
    assert.equal(proxy.accessLog('moved/pushed').length, 2);
  });
  test('escapes as the format says', async () => {
    await get(proxy.port, '/escape?b=%20', { fields: ['X: a"b\\c\td\xe9'] });
    await until('the lines', () => proxy.accessLog('logs/n.log').length > 0);
    assert.deepEqual(proxy.accessLog('logs/d.log'), ['%20|-|a\\x22b\\x5Cc\\x09d\\xE9']);
    assert.deepEqual(proxy.accessLog('logs/j.log'), ['{"a":"a\\"b\\\\c\\td\xe9","b":""}']);
    assert.deepEqual(proxy.accessLog('logs/n.log'), ['a"b\\c\td\xe9|']);
  });
  test('tells times and pipelining', async () => {
    const connection = await connect(proxy.port);
    const keep = { fields: ['Connection: keep-alive'] };
    connection.send(request('/times', keep) + request('/times'));
    await connection.all();
    connection.close();
    await until('two lines', () => proxy.accessLog('logs/times.log').length >= 2);
    const [first = '', second = ''] = proxy.accessLog('logs/times.log');
    assert.match(first, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d \d{10}\.\d{3} 0\.\d{3} \.$/);
    assert.match(second, / p$/);
    assert.ok(Math.abs(Number(first.split(' ')[1]) - Date.now() / 1000) < 60);
  });
  test('a request that is answered at once has taken no time', async (t) => {
    const before = proxy.accessLog('logs/times.log').length;
    // However slow the machine is: the clock moves each time that it is read.
    let time = Date.now();
    t.mock.method(Date, 'now', () => (time += 5));
    for (let i = 0; i < 3; i++) await get(proxy.port, '/times');
    t.mock.restoreAll();
    await until('three lines', () => proxy.accessLog('logs/times.log').length === before + 3);
    for (const line of proxy.accessLog('logs/times.log').slice(before)) assert.match(line, / 0\.000 \.$/);
  });
  test('counts bytes', async () => {
    const bytes = request('/counts');
    const connection = await connect(proxy.port);
    const answer = await connection.send(bytes).all();
    connection.close();
    await until('a line', () => proxy.accessLog('logs/counts.log').length > 0);
    assert.deepEqual(proxy.accessLog('logs/counts.log'), [`200 2 ${answer.length} ${bytes.length}`]);
  });
  test('holds lines back in a buffer until it is full', async () => {
    await get(proxy.port, '/buffered/1');
    await get(proxy.port, '/buffered/2');
    await get(proxy.port, '/buffered/3');
    await until('the first two', () => proxy.accessLog('logs/buffered.log').length > 0);
    assert.deepEqual(proxy.accessLog('logs/buffered.log'), ['/buffered/1:200', '/buffered/2:200']);
  });
  test('writes what is held back after a time', async () => {
    assert.deepEqual(await logged('/flushed', 'logs/flushed.log'), ['/flushed:200']);
  });
  test('compresses what it writes', async () => {
    await get(proxy.port, '/gzip');
    await get(proxy.port, '/gzip');
    await until('the file', () => proxy.file('logs/gzip.log') !== '');
    assert.match(gunzipSync(Buffer.from(proxy.file('logs/gzip.log'), 'latin1')).toString(), /^\/gzip:200\n/);
  });
  test('goes on in a new file after the old one was moved away', async () => {
    assert.deepEqual(await logged('/before', 'logs/rotated.log'), ['/before:200']);
    renameSync(`${proxy.directory}/logs/rotated.log`, `${proxy.directory}/logs/rotated.log.1`);
    proxy.proxy.reopenLogs();
    assert.deepEqual(await logged('/after', 'logs/rotated.log'), ['/after:200']);
  });
});

test('a log in a missing directory is a sentence and no start', async () => {
  await assert.rejects(
    startProxy('access_log %%DIR%%/missing/access.log; server { listen 127.0.0.1:0; }'),
    /open\(\) ".*\/missing\/access\.log" failed \(2: No such file or directory\)/,
  );
});

test('what is held back is in the file when the proxy has ended', async () => {
  const proxy = await startProxy(`
    log_format test $uri;
    access_log logs/held.log test buffer=64k;
    server { listen 127.0.0.1:0; return 200; }`);
  await get(proxy.port, '/held');
  assert.deepEqual(proxy.accessLog('logs/held.log'), []);
  await proxy.proxy.close({ drain: true });
  assert.deepEqual(proxy.accessLog('logs/held.log'), ['/held']);
  await proxy.close();
});

test('a reload keeps the file and takes the new format', async () => {
  const text = (format: string) => `
    log_format test '${format}';
    access_log logs/kept.log test;
    server { listen 127.0.0.1:0; return 200; }`;
  const proxy = await startProxy(text('old $uri'));
  try {
    await get(proxy.port, '/a');
    await until('a line', () => proxy.accessLog('logs/kept.log').length === 1);
    renameSync(`${proxy.directory}/logs/kept.log`, `${proxy.directory}/logs/moved.log`);
    mkdirSync(`${proxy.directory}/logs/kept.log`);
    await proxy.reload(text('new $uri'));
    await get(proxy.port, '/b');
    await until('another', () => proxy.accessLog('logs/moved.log').length === 2);
    assert.deepEqual(proxy.accessLog('logs/moved.log'), ['old /a', 'new /b']);
  } finally {
    await proxy.close();
  }
});
