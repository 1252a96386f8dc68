/** Attacks by a local user on files that the proxy writes. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { belongsTo } from '../../src/cli/precompiled.js';
import { openTemporaryFile } from '../../src/files/temporary-file.js';
import {
  createFile,
  openDirectory,
  openForReading,
  openForWriting,
  trustedPath,
  trustWorkerUser,
  UntrustedPathError,
} from '../../src/files/trusted-files.js';
import { LogFile } from '../../src/logging/log-file.js';
import { ListeningSockets } from '../../src/process/listening-sockets.js';
import { ErrorLogFiles, reopenLogged } from '../../src/process/logs.js';
import { chownFiles } from '../../src/process/ownership.js';
import { readPidFile, writePidFile } from '../../src/process/pid-file.js';
import { makeTemporaryDirectories } from '../../src/process/temporary-directories.js';
import { ownBinder } from '../../src/server/binder.js';

const IS_ROOT = process.geteuid?.() === 0;
const AS_ROOT = { skip: IS_ROOT ? false : 'only root can make files of another user' };
const APPEND = constants.O_WRONLY | constants.O_APPEND;
/** The attacker. */
const MALLORY = 65_534;

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-trusted-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A directory like /tmp, in which Mallory has put a link of that name to a file or directory of root's. */
function scene(t: TestContext, target: string): { readonly link: string; readonly target: string } {
  const path = directory(t);
  const open = join(path, 'open');
  mkdirSync(open);
  chmodSync(open, 0o1777);
  const link = join(open, 'link');
  symlinkSync(join(path, target), link);
  lchownSync(link, MALLORY, MALLORY);
  return { link, target: join(path, target) };
}

const REFUSED = {
  message:
    /not trusted: symbolic link ".*\/link" of uid 65534 with mode 0777 in directory ".*" of uid 0 with mode 1777/,
};

test('a link that another user has put into a directory open to all is followed for no file', AS_ROOT, async (t) => {
  const { link, target } = scene(t, 'victim');
  assert.throws(() => new LogFile(link), REFUSED);
  assert.throws(() => chownFiles([link], { name: 'x', uid: MALLORY, gid: MALLORY }), REFUSED);
  assert.throws(() => writePidFile(link), REFUSED);
  assert.throws(() => createFile(link), REFUSED);
  assert.throws(() => makeTemporaryDirectories([link], null), REFUSED);
  assert.equal(existsSync(target), false);
  writeFileSync(target, '1\n');
  assert.throws(() => readPidFile(link), REFUSED);
  assert.throws(() => new LogFile(link), REFUSED);
  assert.equal(readFileSync(target, 'utf8'), '1\n');
});

test('a link that another user has put into a directory open to all leads to no directory', AS_ROOT, async (t) => {
  const { link, target } = scene(t, 'victims');
  mkdirSync(target);
  const owner = { name: 'x', uid: MALLORY, gid: MALLORY };
  assert.throws(() => makeTemporaryDirectories([link], owner), REFUSED);
  assert.equal(statSync(target).uid, 0);
  assert.throws(() => openTemporaryFile({ path: link, levels: [] }, true), REFUSED);
  assert.throws(() => openTemporaryFile({ path: link, levels: [1, 2] }, true), REFUSED);
  assert.throws(() => new LogFile(join(link, 'access.log')), REFUSED);
  const socket = join(link, 'socket');
  const address = {
    key: `unix:${socket}`,
    host: '',
    port: 0,
    path: socket,
    backlog: 1,
    ipv6only: false,
    secure: false,
  };
  assert.throws(() => new ListeningSockets([]).bind({ ...address, reuseport: false }), REFUSED);
  await assert.rejects(ownBinder.listen(net.createServer(), { ...address, reuseport: false }), REFUSED);
  assert.deepEqual(readdirSync(target), []);
});

test(
  'a log that is replaced by a link of another user is not opened anew, and the old one is written on',
  AS_ROOT,
  (t) => {
    const open = directory(t);
    chmodSync(open, 0o1777);
    const path = join(open, 'error.log');
    const log = new LogFile(path);
    t.after(() => log.close());
    renameSync(path, `${path}.1`);
    symlinkSync(join(open, 'victim'), path);
    lchownSync(path, MALLORY, MALLORY);
    const output: string[] = [];
    reopenLogged(log, { threshold: 7, write: (level, message) => output.push(`${level} ${message}`) });
    assert.match(output.join(), /^emerg open\(\) ".*\/error.log" failed \(not trusted: symbolic link .* of uid 65534/);
    log.write('a line\n');
    assert.equal(readFileSync(`${path}.1`, 'utf8'), 'a line\n');
    assert.throws(() => new ErrorLogFiles('', () => {}).prepare([{ destination: path, level: 'error' }]), {
      message: /^open\(\) ".*\/error.log" failed \(not trusted: symbolic link/,
    });
    assert.equal(existsSync(join(open, 'victim')), false);
  },
);

test('root follows no link in a directory of another user, as a worker’s directory of logs is', AS_ROOT, (t) => {
  const path = directory(t);
  const logs = join(path, 'logs');
  mkdirSync(logs);
  symlinkSync(join(path, 'victim'), join(logs, 'access.log'));
  lchownSync(join(logs, 'access.log'), MALLORY, MALLORY);
  chownSync(logs, MALLORY, MALLORY);
  assert.throws(() => new LogFile(join(logs, 'access.log')), UntrustedPathError);
  assert.throws(
    () => chownFiles([join(logs, 'access.log')], { name: 'x', uid: MALLORY, gid: MALLORY }),
    /symbolic link ".*access.log" of uid 65534/,
  );
  assert.equal(existsSync(join(path, 'victim')), false);
  // Files in it are used as ever.
  closeSync(openForWriting(join(logs, 'error.log'), APPEND, 0o644));
});

test('a link that a member of its group has put into a directory of root’s is not followed', AS_ROOT, (t) => {
  const path = directory(t);
  const logs = join(path, 'logs');
  mkdirSync(logs);
  chownSync(logs, 0, MALLORY);
  symlinkSync(join(path, 'shadow'), join(logs, 'access.log'));
  lchownSync(join(logs, 'access.log'), MALLORY, MALLORY);
  writeFileSync(join(path, 'shadow'), 'secret');
  // Only root could have made it while the group may not write.
  chmodSync(logs, 0o755);
  closeSync(openForWriting(join(logs, 'access.log'), APPEND, 0o644));
  chmodSync(logs, 0o775);
  const owner = { name: 'x', uid: MALLORY, gid: MALLORY };
  assert.throws(() => chownFiles([join(logs, 'access.log')], owner), /symbolic link ".*access.log" of uid 65534/);
  assert.equal(statSync(join(path, 'shadow')).uid, 0);
});

test('in a user namespace strangers are not taken for the root who is not in it', AS_ROOT, (t) => {
  const open = directory(t);
  chmodSync(open, 0o1777);
  const file = join(open, 'file');
  writeFileSync(file, '');
  chownSync(file, 12_345, 12_345);
  chmodSync(file, 0o666);
  const module = new URL('../../src/exchange/trusted-files.js', import.meta.url);
  const script = `import { trustedPath } from ${JSON.stringify(module)};
    try { console.log(trustedPath(${JSON.stringify(file)})); } catch (error) { console.log(error.message); }`;
  const words = ['--user', '--map-root-user', process.execPath, '--input-type=module', '--eval', script];
  const { status, stdout } = spawnSync('unshare', words, { uid: 12_346, gid: 12_346, encoding: 'utf8' });
  if (status !== 0) t.skip('needs unshare, user namespaces, and a checkout that all may read');
  else assert.match(stdout, /^not trusted: (file|directory) ".*" of uid 65534 with mode/);
});

test('files and directories of another user are refused where anybody could have made them', AS_ROOT, (t) => {
  const open = directory(t);
  chmodSync(open, 0o1777);
  const file = join(open, 'file');
  writeFileSync(file, '1');
  chownSync(file, MALLORY, MALLORY);
  const inner = join(open, 'inner');
  mkdirSync(inner);
  chownSync(inner, MALLORY, MALLORY);
  const whose = { message: /not trusted: (file|directory) ".*" of uid 65534 with mode 0\d{3} in directory/ };
  assert.throws(() => openForWriting(file, APPEND, 0o644), whose);
  assert.throws(() => openForReading(file), whose);
  assert.throws(() => openDirectory(inner), whose);
  assert.throws(() => openForWriting(join(inner, 'log'), APPEND, 0o644), whose);
  // Files of the workers' user are trusted.
  trustWorkerUser(MALLORY);
  t.after(() => trustWorkerUser(null));
  closeSync(openForWriting(file, APPEND, 0o644));
  closeSync(openDirectory(inner));
});

test('a directory for temporary files that anybody can replace is refused', (t) => {
  const open = directory(t);
  chmodSync(open, 0o777);
  assert.throws(() => openDirectory(join(open, 'temp')), {
    message: /not trusted: directory ".*temp" of uid \d+ with mode 0700 in directory ".*" of uid \d+ with mode 0777/,
  });
  assert.throws(() => openDirectory(open), { message: /not trusted: directory ".*" of uid \d+ with mode 0777$/ });
});

test('links that root or this user has made are followed, also to what is not there yet', (t) => {
  const path = directory(t);
  chmodSync(path, 0o1777);
  mkdirSync(join(path, 'real'));
  symlinkSync('real', join(path, 'relative'));
  symlinkSync('../real/./log', join(path, 'real/again'));
  closeSync(openForWriting(join(path, 'relative/again'), APPEND, 0o640));
  assert.equal(statSync(join(path, 'real/log')).mode & 0o777, 0o640);
  assert.equal(trustedPath(join(path, 'relative/../real/log')), join(trustedPath(path), 'real/log'));
  symlinkSync('loop', join(path, 'loop'));
  assert.throws(() => openForWriting(join(path, 'loop'), APPEND, 0o644), { code: 'ELOOP' });
  assert.throws(() => openForWriting(join(path, 'missing/log'), APPEND, 0o644), { code: 'ENOENT' });
  assert.throws(() => openForWriting(join(path, 'real'), APPEND, 0o644), { code: 'EISDIR' });
});

test('a link to an open descriptor is a log, as /dev/stdout is', { skip: !existsSync('/proc/self/fd') }, (t) => {
  const path = directory(t);
  const descriptor = openSync(join(path, 'out'), 'w');
  t.after(() => closeSync(descriptor));
  symlinkSync(`/proc/self/fd/${descriptor}`, join(path, 'access.log'));
  const log = new LogFile(join(path, 'access.log'));
  log.write('a line\n');
  log.close();
  assert.equal(readFileSync(join(path, 'out'), 'utf8'), 'a line\n');
});

test('what is given away is the file that was opened, and no second name of another file', AS_ROOT, (t) => {
  const path = directory(t);
  const owner = { name: 'x', uid: MALLORY, gid: MALLORY };
  chownFiles([join(path, 'log')], owner);
  assert.equal(statSync(join(path, 'log')).uid, MALLORY);
  writeFileSync(join(path, 'shadow'), 'secret');
  linkSync(join(path, 'shadow'), join(path, 'linked.log'));
  assert.throws(() => chownFiles([join(path, 'linked.log')], owner), {
    message: `chown("${path}/linked.log", ${MALLORY}) failed (the file has 2 hard links)`,
  });
  assert.equal(statSync(join(path, 'shadow')).uid, 0);
});

test('a directory open to all, such as /tmp, stays root’s, and its files are private', AS_ROOT, (t) => {
  const path = directory(t);
  chmodSync(path, 0o1777);
  makeTemporaryDirectories([path], { name: 'x', uid: MALLORY, gid: MALLORY });
  assert.equal(statSync(path).uid, 0);
  const { fd, path: name } = openTemporaryFile({ path, levels: [2] }, true);
  assert.equal(fstatSync(fd).mode & 0o777, 0o600);
  assert.equal(lstatSync(join(name, '..')).mode & 0o777, 0o700);
  closeSync(fd);
});

test('a pid file of another user names processes of that user only', AS_ROOT, async (t) => {
  const path = join(directory(t), 'nginx.pid');
  writePidFile(path);
  chownSync(path, MALLORY, MALLORY);
  assert.throws(() => readPidFile(path), {
    message: `not trusted: "${path}" of uid ${MALLORY} names process ${process.pid} of uid 0`,
  });
  const child = spawn('sleep', ['60'], { uid: MALLORY, gid: MALLORY, stdio: 'ignore' });
  t.after(() => child.kill());
  await once(child, 'spawn');
  writeFileSync(path, `${child.pid}\n`);
  assert.equal(readPidFile(path), child.pid);
});

test('a unix socket has the mode of nginx’s from the start, and the umask is what it was', async (t) => {
  const path = join(directory(t), 'socket');
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  const server = net.createServer();
  const address = {
    key: `unix:${path}`,
    host: '',
    port: 0,
    path,
    backlog: 1,
    ipv6only: false,
    reuseport: false,
    secure: false,
  };
  await ownBinder.listen(server, address);
  assert.equal(statSync(path).mode & 0o777, 0o666);
  assert.equal(process.umask(), 0o077);
  await new Promise((resolve) => server.close(resolve));
});

test('compiled code is used only where nobody could write it who cannot write its source', () => {
  const file = { mtimeMs: 1, uid: 1000, gid: 100, mode: 0o644 };
  assert.equal(belongsTo({ ...file, mtimeMs: 2 }, file), true);
  assert.equal(belongsTo({ ...file, uid: 0 }, file), true);
  assert.equal(belongsTo({ ...file, uid: 1001 }, file), false);
  assert.equal(belongsTo({ ...file, mtimeMs: 0 }, file), false);
  assert.equal(belongsTo({ ...file, mode: 0o664 }, file), false);
  assert.equal(belongsTo({ ...file, mode: 0o664 }, { ...file, mode: 0o664 }), true);
  assert.equal(belongsTo({ ...file, mode: 0o664, gid: 101 }, { ...file, mode: 0o664 }), false);
  assert.equal(belongsTo({ ...file, mode: 0o646 }, file), false);
});
