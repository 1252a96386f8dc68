/** Certificates of `tsproxy dev` for servers whose own are missing. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { DevCertificates } from '../../../src/cli/dev/dev-certificates.js';
import { LocalCa } from '../../../src/cli/local-ca/local-ca.js';
import { directory, startDev, writeFiles } from './dev-process.js';

const CONF = `events {}
http {
    server {
        listen 443 ssl;
        server_name shop.com *.wild.com ~^app\\d+\\.com$ wiki.* .both.example;
        ssl_certificate /etc/ssl/shop.pem;
        ssl_certificate_key /etc/ssl/shop.key;
        return 200 "$server_name\\n";
    }
    server {
        listen 443 ssl;
        server_name other.com;
        return 200 other;
    }
}
`;

/** Error of a verified handshake, or the subject of the certificate. */
function handshake(port: number, root: string, servername: string | undefined): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(
      { host: '127.0.0.1', port, ca: readFileSync(root), ...(servername !== undefined && { servername }) },
      () => {
        resolve('accepted');
        socket.destroy();
      },
    );
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

test('each name by which a server is reached on this machine has a certificate', async (t) => {
  const cwd = directory(t);
  writeFiles(cwd, { 'nginx.conf': CONF });
  const dev = await startDev(t, cwd, ['nginx.conf']);
  const [, found] = await dev.shows(/ https:\/\/shop\.com\.localhost:(\d+)\//);
  const port = Number(found);
  await dev.shows(/ https:\/\/wiki\.localhost:\d+\//);
  const root = join(cwd, '.data/tsproxy/ca/root.pem');
  for (const name of [
    'shop.com.localhost',
    'other.com.localhost',
    'a.wild.com.localhost',
    'app12.com.localhost',
    'wiki.localhost',
    'both.example.localhost',
    'x.both.example.localhost',
    'anything.localhost',
    'localhost',
    'both.example',
    'x.both.example',
    undefined,
  ]) {
    assert.equal(await handshake(port, root, name), 'accepted', name);
  }
  // The CA does not permit names of the internet.
  assert.equal(await handshake(port, root, 'shop.com'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  assert.equal(await handshake(port, root, 'a.b.wild.com.localhost'), 'accepted');
  // The CA is created again while the site runs.
  LocalCa.replace(['shop.com'], join(cwd, '.data/tsproxy/ca'));
  assert.equal(await handshake(port, root, 'app12.com.localhost'), 'accepted');
  assert.equal(await handshake(port, root, 'shop.com'), 'accepted');
  assert.doesNotMatch(dev.text, /not permit|\[error\]/);
});

test('names that clients send create a limited number of certificates', (t) => {
  const before = process.env.TSPROXY_CA_DIRECTORY;
  process.env.TSPROXY_CA_DIRECTORY = join(directory(t), 'ca');
  t.after(() => {
    if (before === undefined) delete process.env.TSPROXY_CA_DIRECTORY;
    else process.env.TSPROXY_CA_DIRECTORY = before;
  });
  const certificates = new DevCertificates(['shop.localhost', '*.wild.localhost']);
  const own = certificates.fileFor('');
  for (const name of ['shop.localhost', 'SHOP.localhost', 'a.wild.localhost', 'shop.com', '127.0.0.1', '.localhost'])
    assert.equal(certificates.fileFor(name), own, name);
  for (const name of ['a\nb.localhost', '../../x.localhost', '\xff.localhost', `${'a'.repeat(64)}.localhost`])
    assert.equal(certificates.fileFor(name), own, name);
  assert.notEqual(certificates.fileFor('other.localhost'), own);
  assert.equal(certificates.fileFor('Other.localhost'), certificates.fileFor('other.localhost'));
  for (let i = 0; i < 300; i++) certificates.fileFor(`name${i}.localhost`);
  assert.equal(readdirSync(join(process.env.TSPROXY_CA_DIRECTORY, 'certificates/runs')).length, 200);
});

test('a local CA that cannot be used is one message, and the command ends', {
  skip: process.geteuid === undefined,
}, async (t) => {
  const cwd = directory(t);
  writeFiles(cwd, { 'nginx.conf': CONF });
  const ca = join(cwd, 'ca');
  mkdirSync(ca, { mode: 0o755 });
  const dev = await startDev(t, cwd, ['nginx.conf'], { env: { TSPROXY_CA_DIRECTORY: ca } });
  assert.equal(await dev.exited, 1);
  assert.match(dev.text, /^tsproxy dev: ".*ca" has the mode 0755: others can access it; run "chmod 0700 .*ca"\n$/);
});
