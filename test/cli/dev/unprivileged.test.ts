import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { get } from '../../kit/index.js';
import { BINARY } from '../running.js';
import { directory, startDev, writeFiles } from './dev-process.js';

/** A user without any rights: that no file belongs to. */
const NOBODY = 65_534;

const skip = reasonToSkip();

function reasonToSkip(): string | false {
  if (process.getuid?.() !== 0) return 'only root can start a process of another user';
  const { status } = spawnSync(process.execPath, [BINARY, '-v'], { uid: NOBODY, gid: NOBODY, stdio: 'ignore' });
  return status === 0 ? false : 'another user cannot run the program in this directory';
}

test('an unprivileged user runs a file with privileged ports, keys of root and a user of its own', {
  skip,
}, async (t) => {
  const cwd = directory(t);
  writeFiles(cwd, {
    'nginx.conf': `user root;
pid /run/tsproxy-dev-test.pid;
error_log /var/log/tsproxy-dev-test.log;
events {}
http {
    access_log /var/log/tsproxy-dev-test-access.log;
    client_body_temp_path /var/lib/tsproxy-dev-test;
    server {
        listen 80;
        listen 443 ssl;
        server_name shop.example;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        location / { return 200 $scheme; }
    }
}`,
    'cert.pem': 'readable by everybody, but no certificate',
    'key.pem': 'readable by root only',
  });
  chmodSync(join(cwd, 'key.pem'), 0o600);
  mkdirSync(join(cwd, '.data'));
  chownSync(join(cwd, '.data'), NOBODY, NOBODY);
  const dev = await startDev(t, cwd, [], { uid: NOBODY, gid: NOBODY });
  const [, port] = await dev.shows(/ http:\/\/shop\.example\.localhost:(\d+)\//);
  await dev.shows(/ https:\/\/shop\.example\.localhost:\d+\//);
  assert.equal((await get(Number(port), '/')).body, 'http');
  assert.match(dev.text, /ssl_certificate_key key\.pem: not readable here/);
  const key = statSync(join(cwd, '.data/tsproxy/ca/authority.pem'));
  assert.deepEqual([key.uid, key.mode & 0o777], [NOBODY, 0o600]);
});

function reasonWithoutPrivilegedPorts(): string | false {
  const file = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
  const first = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  return first > 80 ? skip : 'every user may be able to bind to port 80 here';
}

test('a port that the user must not use is one message with advice', { skip: reasonWithoutPrivilegedPorts() }, () => {
  const { status, stderr } = spawnSync(process.execPath, [BINARY, '127.0.0.1:80', '3000'], {
    uid: NOBODY,
    gid: NOBODY,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 1);
  assert.equal(
    stderr,
    'tsproxy: [emerg] bind() to 127.0.0.1:80 failed (13: Permission denied); this user needs a port above 1023\n',
  );
});
