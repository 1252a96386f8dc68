/** Users of the master and its workers, and the owners of their files. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { getPriority, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { modules } from '../../src/modules/index.js';
import { encodeConfig } from '../../src/process/config-pieces.js';
import { checkSource } from '../../src/process/configuration.js';
import { FeedRelay } from '../../src/process/feed-relay.js';
import { forkWorker } from '../../src/process/fork-worker.js';
import { ListeningSockets } from '../../src/process/listening-sockets.js';
import { mainSettings } from '../../src/process/main-settings.js';
import type { Owner } from '../../src/process/ownership.js';
import { TapSubscribers } from '../../src/process/tap-subscribers.js';
import { AllCounts } from '../../src/process/worker-counts.js';
import { WorkerHandle } from '../../src/process/worker-handle.js';
import { newSecret } from '../../src/program/secret.js';
import { ZoneServer } from '../../src/zones/zone-server.js';
import { command, freePort, Prefix, type Running, serve } from '../cli/running.js';
import { get, startProxy, until } from '../kit/index.js';

const AS_ROOT = { skip: process.geteuid?.() === 0 ? false : 'only root can give up rights' };
/** The attacker. */
const MALLORY = 65_534;

function configuration(port: number, main: string, server = 'return 200 $pid;'): string {
  return `
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
${main}
events { }
http {
    access_log off;
    server { listen 127.0.0.1:${port}; ${server} }
}
`;
}

async function start(t: TestContext, main: string, server?: string): Promise<{ proxy: Running; port: number }> {
  const port = await freePort();
  return { proxy: await serve(t, configuration(port, main, server)), port };
}

/** The process that answers. */
async function answering(port: number): Promise<number> {
  return Number((await get(port)).body);
}

/** Real, effective and saved ids, and further groups. */
function rightsOf(pid: number): { readonly uids: string[]; readonly gids: string[]; readonly groups: string[] } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const words = (field: string): string[] =>
    new RegExp(`^${field}:\\s+(.*)`, 'm').exec(status)?.[1]?.trim().split(/\s+/).filter(Boolean) ?? [];
  return { uids: words('Uid').slice(0, 3), gids: words('Gid').slice(0, 3), groups: words('Groups') };
}

/** The number of a user or of the first group that there is, from the system's files. */
function idOf(file: string, ...names: readonly string[]): string {
  const lines = readFileSync(file, 'utf8').split('\n');
  for (const name of names) {
    const line = lines.find((each) => each.startsWith(`${name}:`));
    if (line !== undefined) return line.split(':')[2] ?? '';
  }
  throw new Error(`none of ${names.join(', ')} in ${file}`);
}

const NOBODY = idOf('/etc/passwd', 'nobody');
const NOGROUP = idOf('/etc/group', 'nobody', 'nogroup');

test('workers of root without user are nobody, and keep none of root’s groups', AS_ROOT, async (t) => {
  const { proxy, port } = await start(t, '');
  const { uids, gids, groups } = rightsOf(await answering(port));
  assert.deepEqual(uids, [NOBODY, NOBODY, NOBODY]);
  assert.deepEqual(gids, [NOGROUP, NOGROUP, NOGROUP]);
  assert.equal(groups.includes('0'), false);
  assert.deepEqual(rightsOf(proxy.child.pid ?? 0).uids, ['0', '0', '0']);
  assert.equal(String(statSync(join(proxy.prefix.path, 'error.log')).uid), NOBODY);
  assert.doesNotMatch(proxy.prefix.log, /\[(alert|crit|emerg)\]/);
});

test('workers that replace dead ones are nobody, too', AS_ROOT, async (t) => {
  const { port } = await start(t, '');
  const first = await answering(port);
  process.kill(first, 'SIGKILL');
  let next = first;
  await until('it is gone', () => !existsSync(`/proc/${first}`));
  next = await answering(port);
  assert.notEqual(next, first);
  assert.deepEqual(rightsOf(next).uids, [NOBODY, NOBODY, NOBODY]);
});

test('without worker_priority a worker has the priority of its master, also one that replaces another', async (t) => {
  const { proxy, port } = await start(t, '');
  const priority = getPriority() + 3;
  setPriority(proxy.child.pid ?? 0, priority);
  const first = await answering(port);
  process.kill(first, 'SIGKILL');
  await until('it is gone', () => !existsSync(`/proc/${first}`));
  assert.equal(getPriority(await answering(port)), priority);
  assert.doesNotMatch(proxy.prefix.log, /setpriority/);
});

test('a worker drops privileges once, and refuses those of another user', AS_ROOT, async (t) => {
  const worker = new WorkerHandle(
    await forkWorker(),
    {
      errorLog: { threshold: -1, write: () => {} },
      defaultErrorLog: '',
      sockets: new ListeningSockets([]),
      zones: new ZoneServer(),
      counts: new AllCounts(),
      taps: new TapSubscribers(),
      answer: async () => null,
      feeds: new FeedRelay(),
      workers: new Set(),
    },
    0,
  );
  t.after(() => worker.stop(1000));
  const source = { name: '/nginx.conf', text: 'error_log stderr emerg; events { } http { }', prefix: '/' };
  const { config } = checkSource(source, modules);
  assert.ok(config !== null);
  const nobody = { name: 'nobody', uid: Number(NOBODY), gid: Number(NOGROUP) };
  const encoded = await encodeConfig(config);
  const prepare = (owner: Owner): Promise<readonly string[]> =>
    worker.prepare(
      {
        generation: 1,
        config,
        prefix: '/',
        secret: newSecret().toString('base64'),
        settings: mainSettings(config, '/'),
        owner,
      },
      encoded,
    );
  await prepare(nobody);
  // Another reload came in between.
  worker.cancel();
  await prepare(nobody);
  worker.cancel();
  await assert.rejects(prepare({ name: 'root', uid: 0, gid: 0 }), {
    message: 'setuid(0) failed (1: Operation not permitted)',
  });
});

test('user root keeps root’s rights, and so does master_process off, which has no workers', AS_ROOT, async (t) => {
  for (const main of ['user root;', 'master_process off;']) {
    const { proxy, port } = await start(t, main);
    assert.deepEqual(rightsOf(await answering(port)).uids, ['0', '0', '0'], main);
    assert.equal(statSync(join(proxy.prefix.path, 'error.log')).uid, 0, main);
  }
});

test('a program that embeds the proxy keeps its rights and its files', AS_ROOT, async (t) => {
  const proxy = await startProxy(`access_log logs/access.log; server { listen 127.0.0.1:0; return 200 $pid; }`);
  t.after(() => proxy.close());
  assert.equal(await answering(proxy.port), process.pid);
  assert.equal(process.geteuid?.(), 0);
  assert.equal(statSync(join(proxy.directory, 'logs/access.log')).uid, 0);
});

test('a reload that names another user brings workers of that user', AS_ROOT, async (t) => {
  const { proxy, port } = await start(t, 'user root;');
  const before = await answering(port);
  proxy.prefix.write('nginx.conf', configuration(port, ''));
  proxy.signal('SIGHUP');
  await until('the old worker has ended', () => !existsSync(`/proc/${before}`));
  assert.deepEqual(rightsOf(await answering(port)).uids, [NOBODY, NOBODY, NOBODY]);
});

test('a reload that needs root’s rights brings new workers, and one that does not keeps them', AS_ROOT, async (t) => {
  const { proxy, port } = await start(t, '');
  const before = await answering(port);
  const path = (name: string): string => join(proxy.prefix.path, name);
  const logTo = (file: string): void =>
    proxy.prefix.write('nginx.conf', configuration(port, '', `access_log ${path(file)}; return 200 $pid;`));
  logTo('access.log');
  proxy.signal('SIGHUP');
  await proxy.logged(/generation 2 started/);
  assert.equal(await answering(port), before);
  mkdirSync(path('secret'), { mode: 0o700 });
  logTo('secret/access.log');
  proxy.signal('SIGHUP');
  await until('the old worker has ended', () => !existsSync(`/proc/${before}`));
  const after = await answering(port);
  assert.deepEqual(rightsOf(after).uids, [NOBODY, NOBODY, NOBODY]);
  await until('a line is in it', () => statSync(path('secret/access.log')).size > 0);
  assert.match(proxy.prefix.log, /replacing workers that lack privileges: open\(\) .*\(13: Permission denied\)/);
});

test(
  'modules that a worker loads late are available, although its user cannot read the program',
  AS_ROOT,
  async (t) => {
    const { proxy, port } = await start(t, '');
    const other = await freePort();
    proxy.prefix.write(
      'nginx.conf',
      configuration(
        port,
        '',
        `location / { proxy_pass http://127.0.0.1:${other}; } location /pid { return 200 $pid; }`,
      ),
    );
    proxy.signal('SIGHUP');
    await proxy.logged(/generation 2 started/);
    assert.equal((await get(port)).status, 502);
    assert.equal(existsSync(`/proc/${(await get(port, '/pid')).body}`), true);
  },
);

test(
  'a start is refused if another user controls a log or a directory, and the error names the user',
  AS_ROOT,
  async (t) => {
    for (const [directive, call] of [
      ['error_log %%DIR%%/open/link;', 'open'],
      ['pid %%DIR%%/open/link;', 'open'],
      ['client_body_temp_path %%DIR%%/open/link;', 'mkdir'],
      ['proxy_temp_path %%DIR%%/open/link;', 'mkdir'],
      ['proxy_cache_path %%DIR%%/open/link keys_zone=one:64k;', 'mkdir'],
      ['access_log %%DIR%%/open/link;', 'open'],
    ] as const) {
      const inHttp = /_path|access_log/.test(directive);
      const prefix = new Prefix(
        t,
        `${inHttp ? '' : directive} events { }
      http { ${inHttp ? directive : ''} server { listen 127.0.0.1:0; } }`,
      );
      const open = join(prefix.path, 'open');
      mkdirSync(open);
      chmodSync(open, 0o1777);
      symlinkSync(join(prefix.path, 'victim'), join(open, 'link'));
      lchownSync(join(open, 'link'), MALLORY, MALLORY);
      const { code, stderr } = await command(prefix.words);
      assert.equal(code, 1, directive);
      const output = `${call}\\(\\) ".*/open/link" failed \\(not trusted: symbolic link ".*/open/link" of uid 65534 with mode 0777`;
      assert.match(stderr + prefix.log, new RegExp(output), directive);
      assert.equal(existsSync(join(prefix.path, 'victim')), false, directive);
    }
  },
);

test('logs in a directory open to all belong to the worker, and a second start finds them so', AS_ROOT, async (t) => {
  const open = directory(t);
  chmodSync(open, 0o1777);
  const port = await freePort();
  const text = configuration(port, `error_log ${open}/error.log info;`, `access_log ${open}/a.log; return 200 $pid;`);
  for (let lines = 1; lines <= 2; lines++) {
    const proxy = await serve(t, text);
    await answering(port);
    await until('a line is in it', () => readFileSync(join(open, 'a.log'), 'latin1').split('\n').length === lines + 1);
    assert.equal(String(statSync(join(open, 'a.log')).uid), NOBODY);
    proxy.signal('SIGUSR1');
    await proxy.logged(/reopening logs/);
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
    assert.doesNotMatch(proxy.prefix.log, /\[(alert|crit|emerg)\]/);
  }
});

test('a directory for temporary files that anybody can replace is refused at start', async (t) => {
  const open = directory(t);
  chmodSync(open, 0o777);
  await assert.rejects(startProxy(`client_body_temp_path ${open}; server { listen 127.0.0.1:0; }`), {
    message: /^mkdir\(\) ".*" failed \(not trusted: directory ".*" of uid \d+ with mode 0777\)$/,
  });
});

/** Larger than the buffer of the head, where a small body stays. */
const BODY = { method: 'POST', body: 'x'.repeat(8192) };

/** A proxy that answers with the path of the file in which it keeps a body. */
async function bodyKeeper(t: TestContext, main = 'client_body_in_file_only clean;', files = {}) {
  const back = await startProxy('server { listen 127.0.0.1:0; return 200 $http_x_file; }');
  const proxy = await startProxy(
    `${main} server { listen 127.0.0.1:0; location / {
      proxy_set_header X-File $request_body_file; proxy_pass http://127.0.0.1:${back.port}; } }`,
    {},
    { files },
  );
  t.after(() => Promise.all([proxy.close(), back.close()]));
  return proxy;
}

/** Sets a variable of the environment until the end of the test. */
function set(t: TestContext, name: string, value: string): void {
  const { [name]: before } = process.env;
  process.env[name] = value;
  t.after(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-rights-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('bodies are in a private directory that is made when it is needed, and is removed at the end', async (t) => {
  const temporary = directory(t);
  set(t, 'TMPDIR', temporary);
  chmodSync(temporary, 0o1777);
  // Where they were once, for anybody to prepare.
  const known = join(temporary, `tsproxy-${process.getuid?.()}`);
  mkdirSync(join(known, 'client_body_temp'), { recursive: true, mode: 0o777 });
  const proxy = await bodyKeeper(t);
  const made = (): string[] => readdirSync(temporary).filter((name) => name.startsWith('tsproxy-client'));
  assert.deepEqual(made(), []);
  const { body } = await get(proxy.port, '/', BODY);
  assert.match(body, /\/tsproxy-client_body_temp-\w{6}\/\d{10}$/);
  assert.equal(statSync(join(body, '..')).mode & 0o777, 0o700);
  assert.notEqual((await get(proxy.port, '/', BODY)).body, body);
  assert.deepEqual(readdirSync(join(known, 'client_body_temp')), []);
  // A program that cleans up has removed the directory.
  rmSync(join(body, '..'), { recursive: true });
  const { body: again } = await get(proxy.port, '/', BODY);
  assert.notEqual(join(again, '..'), join(body, '..'));
  // A reload keeps the directory.
  await proxy.reload('client_body_in_file_only clean; server { listen 127.0.0.1:0; return 200; }');
  assert.equal(existsSync(join(again, '..')), true);
  await proxy.close();
  assert.deepEqual(made(), []);
});

test('bodies are below the prefix where it has the directory, otherwise below that of systemd', async (t) => {
  const state = directory(t);
  const runtime = directory(t);
  set(t, 'STATE_DIRECTORY', `${state}:/elsewhere`);
  set(t, 'RUNTIME_DIRECTORY', runtime);
  const installed = await bodyKeeper(t, undefined, { 'client_body_temp/.keep': '' });
  assert.ok((await get(installed.port, '/', BODY)).body.startsWith(`${installed.directory}/client_body_temp/`));
  const proxy = await bodyKeeper(t);
  assert.ok((await get(proxy.port, '/', BODY)).body.startsWith(`${state}/client_body_temp/`));
  assert.equal(statSync(join(state, 'client_body_temp')).mode & 0o777, 0o700);
  chmodSync(state, 0o777);
  const other = await bodyKeeper(t);
  assert.ok((await get(other.port, '/', BODY)).body.startsWith(`${runtime}/client_body_temp/`));
  assert.match(other.messages('warn').join(), /is not used for temporary files \(not trusted: directory/);
});

test('a body in a file has no name, unless client_body_in_file_only asks for it', async (t) => {
  const proxy = await bodyKeeper(t, 'client_body_buffer_size 10; client_body_temp_path bodies;');
  const { body } = await get(proxy.port, '/', BODY);
  assert.match(body, /\/bodies\/\d{10}$/);
  assert.equal(existsSync(body), false);
  const kept = await bodyKeeper(t, 'client_body_in_file_only on; client_body_temp_path bodies;');
  const { body: file } = await get(kept.port, '/', BODY);
  assert.equal(readFileSync(file, 'latin1'), BODY.body);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});
