/** The local CA: its files, and its certificates as OpenSSL, curl and Node see them. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { createAuthority, issueCertificate, readAuthority } from '../../../src/cli/local-ca/authority.js';
import { localCaDirectory } from '../../../src/cli/local-ca/directory.js';
import { LocalCa } from '../../../src/cli/local-ca/local-ca.js';
import { NotPrivateError } from '../../../src/cli/local-ca/local-ca-error.js';
import { certificateName, localhostName } from '../../../src/cli/local-ca/permitted-names.js';
import { withoutOpenssl } from '../../kit/index.js';

const DAY = 86_400_000;

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-local-ca-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'ca');
}

/** Result of `openssl verify` for a file with certificate and issuer. */
function verify(root: string, file: string, ...words: readonly string[]): { ok: boolean; text: string } {
  const result = spawnSync(
    'openssl',
    ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', root, '-untrusted', file, ...words, file],
    { encoding: 'utf8' },
  );
  return { ok: result.status === 0, text: result.stdout + result.stderr };
}

function server(t: TestContext, file: string): Promise<number> {
  const pem = readFileSync(file);
  const listening = createServer({ key: pem, cert: pem }, (_, response) => response.end('local')).listen(
    0,
    '127.0.0.1',
  );
  t.after(() => listening.close());
  return once(listening, 'listening').then(() => (listening.address() as AddressInfo).port);
}

/** Error of a handshake with Node's client; null if it is accepted. */
function handshake(port: number, ca: string, servername: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ca, servername }, () => {
      socket.destroy();
      resolve(null);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

test('OpenSSL accepts a certificate of the local CA for each of its names', { skip: withoutOpenssl }, (t) => {
  const ca = LocalCa.open(directoryOf(t));
  const { file, names } = ca.certificateFor(['shop.example', '*.shop.example', 'www.shop.com.localhost', '10.1.2.3']);
  assert.deepEqual(names.slice(0, 4), ['shop.example', '*.shop.example', 'www.shop.com.localhost', '10.1.2.3']);
  for (const name of ['shop.example', 'a.shop.example', 'www.shop.com.localhost', 'localhost']) {
    assert.ok(verify(ca.rootFile, file, '-verify_hostname', name).ok, name);
  }
  for (const address of ['10.1.2.3', '127.0.0.1', '::1']) {
    assert.ok(verify(ca.rootFile, file, '-verify_ip', address).ok, address);
  }
  assert.match(verify(ca.rootFile, file, '-verify_hostname', 'other.example').text, /hostname mismatch/);
});

test('OpenSSL prints constraints, usages and algorithms as documented', { skip: withoutOpenssl }, (t) => {
  const ca = LocalCa.open(directoryOf(t));
  const text = (file: string) =>
    execFileSync('openssl', ['x509', '-in', file, '-noout', '-text'], { encoding: 'utf8' });
  const root = text(ca.rootFile);
  assert.match(root, /Public-Key: \(256 bit\)[\s\S]*NIST CURVE: P-256/);
  assert.match(root, /Basic Constraints: critical\n\s*CA:TRUE, pathlen:1/);
  assert.match(root, /Key Usage: critical\n\s*Certificate Sign, CRL Sign/);
  assert.match(root, /Name Constraints: critical\n\s*Permitted:\n\s*DNS:localhost\n\s*DNS:test\n/);
  assert.match(root, /IP:172\.16\.0\.0\/255\.240\.0\.0\n/);
  assert.match(root, /IP:FE80:0:0:0:0:0:0:0\/FFC0:0:0:0:0:0:0:0\n/);
  const leaf = text(ca.certificateFor(['a.test']).file);
  assert.match(leaf, /Basic Constraints: critical\n\s*CA:FALSE/);
  assert.match(leaf, /Key Usage: critical\n\s*Digital Signature\n/);
  assert.match(leaf, /Extended Key Usage:\s*\n\s*TLS Web Server Authentication\n/);
  assert.match(leaf, /DNS:a\.test, DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1\n/);
});

test('validity is at most ten years for the CA, and 397 days for a certificate', (t) => {
  const ca = LocalCa.open(directoryOf(t));
  const days = ({ validFrom, validTo }: X509Certificate) => (Date.parse(validTo) - Date.parse(validFrom)) / DAY;
  assert.equal(days(ca.root), 3650);
  assert.equal(days(new X509Certificate(readFileSync(ca.certificateFor([]).file))), 397);
});

test('a certificate signed with the key for a name that is not permitted is refused', async (t) => {
  const directory = directoryOf(t);
  mkdirSync(directory);
  const authority = readAuthority(createAuthority([]));
  const root = join(directory, 'root.pem');
  const file = join(directory, 'stolen.pem');
  writeFileSync(root, authority.root.toString());
  writeFileSync(file, issueCertificate(authority, ['www.bank.com', 'localhost']));
  if (withoutOpenssl === false) assert.match(verify(root, file).text, /permitted subtree violation/);
  const port = await server(t, file);
  for (const name of ['www.bank.com', 'localhost']) {
    const error = await handshake(port, authority.root.toString(), name);
    assert.ok(error !== null && error !== 'ERR_TLS_CERT_ALTNAME_INVALID', `${error}`);
  }
  // Nor by a verifier that ignores the constraints of a root: the issuer has the same.
  assert.match(authority.issuer.raw.toString('latin1'), /\x06\x03\x55\x1d\x1e\x01\x01\xff/);
});

test('the key of the root is not stored', (t) => {
  const directory = directoryOf(t);
  const ca = LocalCa.open(directory);
  const text = readFileSync(join(directory, 'authority.pem'), 'utf8');
  assert.equal(text.match(/PRIVATE KEY/g)?.length, 2);
  const { key } = readAuthority(text);
  assert.equal(ca.root.checkPrivateKey(key), false);
});

test('Node and curl accept a certificate of the local CA', async (t) => {
  const ca = LocalCa.open(directoryOf(t));
  const port = await server(t, ca.certificateFor(['shop.example.com.localhost']).file);
  const root = ca.root.toString();
  assert.equal(await handshake(port, root, 'shop.example.com.localhost'), null);
  assert.equal(await handshake(port, root, 'localhost'), null);
  assert.equal(await handshake(port, root, 'other.localhost'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  if (spawnSync('curl', ['--version']).error !== undefined) return t.diagnostic('curl is not installed');
  const curl = (name: string) => {
    const words = ['-s', '--noproxy', '*', '--cacert', ca.rootFile, '--resolve', `${name}:${port}:127.0.0.1`];
    return promisify(execFile)('curl', [...words, `https://${name}:${port}/`]).then(({ stdout }) => stdout);
  };
  assert.equal(await curl('shop.example.com.localhost'), 'local');
  await assert.rejects(curl('other.localhost'), { code: 60 });
});

test('the CA and its certificates are used again, and only by this user', (t) => {
  const directory = directoryOf(t);
  const first = LocalCa.open(directory);
  const certificate = first.certificateFor(['a.test']);
  const text = readFileSync(certificate.file, 'utf8');
  const second = LocalCa.open(directory);
  assert.equal(second.root.fingerprint256, first.root.fingerprint256);
  assert.deepEqual(second.certificateFor(['a.test']), certificate);
  assert.equal(readFileSync(certificate.file, 'utf8'), text);
  assert.notEqual(second.certificateFor(['b.test']).file, certificate.file);
  if (process.geteuid === undefined) return;
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  assert.equal(mode(directory), '700');
  assert.equal(mode(join(directory, 'authority.pem')), '600');
  assert.equal(mode(join(directory, 'certificates')), '700');
  assert.equal(mode(certificate.file), '600');
});

test('files of others, or that others can access, are refused', { skip: process.geteuid === undefined }, (t) => {
  const directory = directoryOf(t);
  LocalCa.open(directory);
  const key = join(directory, 'authority.pem');
  const refused = (words: RegExp) =>
    assert.throws(
      () => LocalCa.open(directory),
      (error: Error) => error instanceof NotPrivateError && words.test(error.message),
    );
  chmodSync(key, 0o640);
  refused(/has the mode 0640: others can access it; run "chmod 0600 /);
  chmodSync(key, 0o600);
  chmodSync(directory, 0o755);
  refused(/has the mode 0755.*chmod 0700/);
  chmodSync(directory, 0o700);
  if (process.geteuid?.() === 0) {
    chownSync(key, 65534, 65534);
    refused(/authority\.pem" belongs to uid 65534/);
    chownSync(key, 0, 0);
    chownSync(directory, 65534, 65534);
    refused(/ca" belongs to uid 65534/);
    chownSync(directory, 0, 0);
  }
  renameSync(key, `${key}.moved`);
  symlinkSync(`${key}.moved`, key);
  refused(/is a symbolic link/);
});

test('a damaged CA, and a damaged certificate, are replaced', (t) => {
  const directory = directoryOf(t);
  const first = LocalCa.open(directory);
  const { file } = first.certificateFor(['a.test']);
  writeFileSync(file, 'damaged');
  assert.equal(first.certificateFor(['a.test']).file, file);
  assert.match(readFileSync(file, 'utf8'), /BEGIN CERTIFICATE/);
  const path = join(directory, 'authority.pem');
  const text = readFileSync(path, 'utf8');
  for (const damaged of [
    '',
    text.slice(0, 900),
    text.replace(/^.*PRIVATE KEY.*$/gm, ''),
    createAuthority([]).slice(0, 300),
  ]) {
    writeFileSync(path, damaged);
    const replaced = LocalCa.open(directory);
    assert.notEqual(replaced.root.fingerprint256, first.root.fingerprint256);
    assert.equal(readFileSync(replaced.rootFile, 'utf8'), replaced.root.toString());
  }
});

test('a CA and certificates that are about to expire are replaced; obsolete certificates are removed', (t) => {
  const directory = directoryOf(t);
  const first = LocalCa.open(directory);
  const { file } = first.certificateFor(['a.test']);
  const path = join(directory, 'authority.pem');
  const authority = readAuthority(readFileSync(path, 'utf8'));
  writeFileSync(file, issueCertificate(authority, ['a.test', 'localhost', '127.0.0.1', '::1'], Date.now() - 380 * DAY));
  first.certificateFor(['a.test']);
  assert.ok(Date.parse(new X509Certificate(readFileSync(file)).validTo) > Date.now() + 300 * DAY);
  writeFileSync(path, createAuthority(['shop.com'], Date.now() - 3630 * DAY));
  const second = LocalCa.open(directory);
  assert.ok(second.expires > Date.now() + 3600 * DAY);
  assert.deepEqual(second.domains, ['shop.com']);
  second.certificateFor(['b.test']);
  assert.deepEqual(existsSync(file), false);
  assert.equal(readdirSync(join(directory, 'certificates')).length, 1);
});

test('a certificate is not valid longer than the CA', () => {
  const authority = readAuthority(createAuthority([], Date.now() - 3500 * DAY));
  const certificate = new X509Certificate(issueCertificate(authority, ['a.test']));
  assert.equal(certificate.validTo, authority.issuer.validTo);
});

test('processes that create the CA at the same time use the same one', async (t) => {
  const directory = directoryOf(t);
  const module = new URL('../../../src/cli/local-ca/local-ca.js', import.meta.url).href;
  const script = `import { LocalCa } from '${module}';
    const ca = LocalCa.open(process.argv[1]);
    console.log(ca.root.fingerprint256);
    ca.certificateFor(['a.test']);`;
  const runs = Array.from({ length: 4 }, () =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, directory]),
  );
  const prints = new Set((await Promise.all(runs)).map(({ stdout }) => stdout));
  assert.equal(prints.size, 1);
});

test('names that the CA does not permit are omitted, and permitted after they were added', (t) => {
  const directory = directoryOf(t);
  const first = LocalCa.open(directory);
  const names = ['shop.com', '*.shop.com', 'shop.com.localhost', '8.8.8.8', '~^a$', '_', ''];
  const { names: included, omitted } = first.certificateFor(names);
  assert.deepEqual(included, ['shop.com.localhost', 'localhost', '127.0.0.1', '::1']);
  assert.deepEqual(omitted, ['shop.com', '*.shop.com', '8.8.8.8']);
  const second = LocalCa.replace(['shop.com'], directory);
  assert.deepEqual(second.certificateFor(names).omitted, ['8.8.8.8']);
  assert.ok(second.permits('www.shop.com'));
  assert.ok(!second.permits('otherxshop.com'));
  assert.equal(LocalCa.open(directory).root.fingerprint256, second.root.fingerprint256);
});

test('names are written as certificates contain them', () => {
  const NAMES: readonly (readonly [string, string | null])[] = [
    ['Shop.Example', 'shop.example'],
    ['bücher.test', 'xn--bcher-kva.test'],
    ['a.test.', 'a.test'],
    ['*.a.test', '*.a.test'],
    ['*.test', null],
    ['www.a.*', null],
    ['.a.test', null],
    ['~^(www\\.)?a\\.test$', null],
    ['_', null],
    ['""', null],
    ['', null],
    ['a b.test', null],
    ['a/b', null],
    ['1.2.3', null],
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
    [`${'a'.repeat(64)}.test`, null],
    [`${'a.'.repeat(130)}test`, null],
    ['under_score.test', 'under_score.test'],
  ];
  for (const [text, expected] of NAMES) assert.equal(certificateName(text), expected, text);
  assert.equal(localhostName('shop.com'), 'shop.com.localhost');
  assert.equal(localhostName('a.localhost'), 'a.localhost');
  assert.equal(localhostName('127.0.0.1'), null);
  assert.equal(localhostName('~x'), null);
});

test('the directory is where the system stores data of applications', () => {
  const HOME = '/home/a';
  assert.equal(localCaDirectory({ HOME }, 'linux'), '/home/a/.local/share/tsproxy/ca');
  assert.equal(localCaDirectory({ HOME, XDG_DATA_HOME: '/data' }, 'linux'), '/data/tsproxy/ca');
  assert.equal(localCaDirectory({ HOME, XDG_DATA_HOME: 'data' }, 'linux'), '/home/a/.local/share/tsproxy/ca');
  assert.equal(localCaDirectory({ HOME }, 'darwin'), '/home/a/Library/Application Support/tsproxy/ca');
  assert.equal(localCaDirectory({ HOME, TSPROXY_CA_DIRECTORY: '/x' }, 'darwin'), '/x');
});

test('of certificates that no configuration names, the most recently used ones are kept', (t) => {
  const ca = LocalCa.open(directoryOf(t));
  const named = ca.certificateFor(['named.test']).file;
  const [first = '', second = ''] = ['first', 'second'].map((name) => ca.certificateFor([`${name}.test`], 'run').file);
  const directory = dirname(first);
  for (const file of [first, second]) utimesSync(file, 1, 1);
  // Another run uses it again.
  assert.equal(LocalCa.open(ca.directory).certificateFor(['first.test'], 'run').file, first);
  // Copies of a valid certificate: a key for each takes long.
  for (let i = readdirSync(directory).length; i < 250; i++) copyFileSync(first, join(directory, `copy-${i}.pem`));
  const last = ca.certificateFor(['last.test'], 'run').file;
  assert.deepEqual([named, first, second, last].map(existsSync), [true, true, false, true]);
  assert.equal(readdirSync(directory).length, 250);
});
