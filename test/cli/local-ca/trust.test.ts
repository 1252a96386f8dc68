/** Trust stores: real databases of NSS, and programs of other systems as scripts that record their arguments. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { issueCertificate, readAuthority } from '../../../src/cli/local-ca/authority.js';
import { LocalCa } from '../../../src/cli/local-ca/local-ca.js';
import type { Machine, TrustChange, TrustedRoot, TrustStore } from '../../../src/cli/local-ca/trust/trust-store.js';
import { trustStoresOf } from '../../../src/cli/local-ca/trust/trust-stores.js';
import { BINARY } from '../running.js';

const withoutCertutil = (process.env.PATH ?? '').split(delimiter).some((each) => existsSync(join(each, 'certutil')))
  ? false
  : 'certutil is not installed';

interface Surroundings {
  readonly machine: Machine;
  readonly directory: string;
  readonly root: TrustedRoot;
  readonly later: TrustedRoot;
}

/** A user's directory and a system's files below a temporary directory, and two CAs. */
function prepare(t: TestContext, changed: Partial<Machine> = {}): Surroundings {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-trust-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const home = join(directory, 'home');
  for (const name of ['home', 'bin']) mkdirSync(join(directory, name));
  const environment = { PATH: `${join(directory, 'bin')}${delimiter}${process.env.PATH ?? ''}`, HOME: home };
  const machine: Machine = { platform: 'linux', environment, home, uid: 1000, systemRoot: directory, ...changed };
  const [root, later] = ['a', 'b'].map((name) => {
    const ca = LocalCa.open(join(directory, name));
    return { certificate: ca.root, file: ca.rootFile };
  });
  assert.ok(root !== undefined && later !== undefined);
  return { machine, directory, root, later };
}

/** The only store whose name contains the word. */
function storeOf(machine: Machine, word: string): TrustStore {
  const found = trustStoresOf(machine).stores.filter(({ name }) => name.includes(word));
  assert.equal(found.length, 1, `${found.length} stores with the name ${word}`);
  return found[0] as TrustStore;
}

function script(directory: string, name: string, text: string): void {
  writeFileSync(join(directory, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

function byHand(change: TrustChange): string {
  assert.equal(change.done, false);
  return change.done ? '' : (change.byHand ?? '');
}

function certutil(...words: readonly string[]): string {
  return execFileSync('certutil', words, { encoding: 'utf8' });
}

test('databases of Chromium and Firefox trust the root until it is removed', { skip: withoutCertutil }, (t) => {
  const { machine, root, later } = prepare(t);
  const profile = join(machine.home, '.mozilla/firefox/x.default');
  mkdirSync(profile, { recursive: true });
  mkdirSync(join(machine.home, '.mozilla/firefox/Crash Reports'));
  certutil('-N', '-d', `sql:${profile}`, '--empty-password');
  for (const word of ['Chromium', 'Firefox']) {
    const store = storeOf(machine, word);
    assert.equal(store.state(root), 'not trusted');
    assert.deepEqual(store.remove(root), { done: true });
    assert.deepEqual(store.add(root), { done: true });
    assert.equal(store.state(root), 'trusted');
    assert.equal(store.state(later), 'outdated');
    assert.equal(store.state(null), 'outdated');
    assert.deepEqual(store.add(later), { done: true });
    assert.equal(store.state(later), 'trusted');
    assert.equal(store.state(root), 'outdated');
    assert.deepEqual(store.remove(null), { done: true });
    assert.equal(store.state(later), 'not trusted');
  }
  const listing = certutil('-L', '-d', `sql:${profile}`) + certutil('-L', '-d', `sql:${machine.home}/.pki/nssdb`);
  assert.doesNotMatch(listing, /tsproxy/);
});

test('NSS accepts certificates for permitted names only', { skip: withoutCertutil }, (t) => {
  const { machine, directory } = prepare(t);
  const authority = readAuthority(readFileSync(join(directory, 'a/authority.pem'), 'utf8'));
  const root = { certificate: authority.root, file: join(directory, 'a/root.pem') };
  assert.deepEqual(storeOf(machine, 'Chromium').add(root), { done: true });
  const database = `sql:${machine.home}/.pki/nssdb`;
  const add = (name: string, pem: string): void => {
    writeFileSync(join(directory, name), pem);
    certutil('-A', '-d', database, '-n', name, '-t', ',,', '-i', join(directory, name));
  };
  const verdict = (name: string): string =>
    spawnSync('certutil', ['-V', '-u', 'V', '-e', '-d', database, '-n', name], { encoding: 'utf8' }).stdout;
  add('issuer', authority.issuer.toString());
  for (const [name, valid] of [
    ['shop.com.localhost', true],
    ['10.1.2.3', true],
    ['www.bank.com', false],
    ['8.8.8.8', false],
  ] as const) {
    add(name, new X509Certificate(issueCertificate(authority, [name])).toString());
    assert.match(verdict(name), valid ? /certificate is valid/ : /invalid: .*not permitted to issue/, name);
  }
});

test('a root without the flag of trusted CAs is not trusted', { skip: withoutCertutil }, (t) => {
  const { machine, root } = prepare(t);
  const store = storeOf(machine, 'Chromium');
  store.add(root);
  certutil('-M', '-d', `sql:${machine.home}/.pki/nssdb`, '-n', 'tsproxy local CA', '-t', ',,');
  assert.equal(store.state(root), 'not trusted');
  assert.deepEqual(store.add(root), { done: true });
  assert.equal(store.state(root), 'trusted');
});

test('for a database with a password, the command that asks for it is given', { skip: withoutCertutil }, (t) => {
  const { machine, root, directory } = prepare(t);
  const profile = join(machine.home, ".mozilla/firefox/it's");
  mkdirSync(profile, { recursive: true });
  const password = join(directory, 'password');
  writeFileSync(password, 'secret\n');
  certutil('-N', '-d', `sql:${profile}`, '-f', password);
  const store = storeOf(machine, 'Firefox');
  const change = store.add(root);
  const command = byHand(change);
  assert.ok(command.includes(`'sql:${profile.replace("'", "'\\''")}'`), command);
  assert.equal(store.state(root), 'not trusted');
  assert.doesNotMatch(certutil('-L', '-d', `sql:${profile}`), /tsproxy/);
  // The command is a shell's; here the password comes from a file.
  execFileSync('/bin/sh', ['-c', `${command} -f '${password}'`]);
  assert.equal(store.state(root), 'trusted');
});

test('without certutil, the browsers whose databases cannot be changed are named', (t) => {
  const { machine, directory } = prepare(t);
  const profile = join(machine.home, '.mozilla/firefox/x.default');
  mkdirSync(profile, { recursive: true });
  writeFileSync(join(profile, 'cert9.db'), '');
  const found = trustStoresOf({ ...machine, environment: { ...machine.environment, PATH: join(directory, 'bin') } });
  assert.deepEqual(found, { stores: [], unreachable: ['Chromium', 'Firefox'] });
});

const LAYOUTS = [
  ['usr/local/share/ca-certificates', 'update-ca-certificates', '--fresh'],
  ['etc/pki/ca-trust/source/anchors', 'update-ca-trust', 'extract'],
  ['etc/pki/trust/anchors', 'update-ca-certificates', '--fresh'],
  ['etc/ca-certificates/trust-source/anchors', 'update-ca-trust', ''],
  ['etc/ca-certificates/trust-source/anchors', 'trust', 'extract-compat'],
] as const;

for (const [anchors, program, words] of LAYOUTS) {
  test(`root adds to and removes from ${anchors}, and runs ${program}`, (t) => {
    const { machine, directory, root, later } = prepare(t, { uid: 0 });
    mkdirSync(join(directory, anchors), { recursive: true });
    mkdirSync(join(directory, 'usr/sbin'), { recursive: true });
    script(directory, program, `echo "$@" >> ${directory}/log; /bin/ls ${directory}/${anchors} >> ${directory}/log`);
    // Not the programs of this machine.
    const only = { ...machine, environment: { PATH: join(directory, 'bin') } };
    const store = storeOf(only, 'system');
    assert.equal(store.state(root), 'not trusted');
    assert.deepEqual(store.add(root), { done: true });
    assert.equal(store.state(root), 'trusted');
    assert.equal(store.state(later), 'outdated');
    const file = join(directory, anchors, 'tsproxy-local-ca-0.crt');
    assert.equal(readFileSync(file, 'utf8'), root.certificate.toString());
    assert.deepEqual(store.add(later), { done: true });
    assert.equal(readFileSync(file, 'utf8'), later.certificate.toString());
    assert.deepEqual(store.remove(null), { done: true });
    assert.equal(store.state(later), 'not trusted');
    const log = `${words}\ntsproxy-local-ca-0.crt\n`;
    assert.equal(readFileSync(join(directory, 'log'), 'utf8'), `${log}${log}${words}\n`);
  });
}

test('other users get a command for the system store, and nothing is changed', (t) => {
  const { machine, directory, root } = prepare(t);
  const anchors = join(directory, 'usr/local/share/ca-certificates');
  mkdirSync(anchors, { recursive: true });
  script(directory, 'update-ca-certificates', `echo "$@" >> ${directory}/log`);
  script(directory, 'sudo', '"$@"');
  const store = storeOf(machine, 'system');
  const file = join(anchors, 'tsproxy-local-ca-1000.crt');
  const command = byHand(store.add(root));
  assert.equal(
    command,
    `sudo install -m 0644 ${root.file} ${file} && sudo ${directory}/bin/update-ca-certificates --fresh`,
  );
  assert.ok(!existsSync(file) && !existsSync(join(directory, 'log')));
  const run = (text: string) => execFileSync('/bin/sh', ['-c', text], { env: machine.environment });
  run(command);
  assert.equal(store.state(root), 'trusted');
  assert.equal(byHand(store.remove(root)), `sudo rm ${file} && sudo ${directory}/bin/update-ca-certificates --fresh`);
  run(byHand(store.remove(root)));
  assert.equal(store.state(root), 'not trusted');
});

/** A stand-in for the program `security` of macOS, with a keychain of one file per certificate, named by its hash. */
const SECURITY = `
echo "$@" >> "$HOME/log"
case $1 in
  find-certificate) cat "$HOME"/keychain/* 2>/dev/null; exit 0 ;;
  verify-cert) grep -qxF "$(openssl x509 -in "$3" -noout -fingerprint)" "$HOME/trusted" ;;
  add-trusted-cert)
    for file; do :; done
    hash=$(openssl x509 -in "$file" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
    cp "$file" "$HOME/keychain/$hash"
    openssl x509 -in "$file" -noout -fingerprint >> "$HOME/trusted" ;;
  remove-trusted-cert) : > "$HOME/trusted" ;;
  delete-certificate) rm "$HOME/keychain/$3" ;;
esac`;

test('the keychain of macOS trusts the root until it is removed', {
  skip: spawnSync('openssl').error !== undefined,
}, (t) => {
  const { machine, directory, root, later } = prepare(t, { platform: 'darwin' });
  mkdirSync(join(machine.home, 'keychain'));
  script(directory, 'security', SECURITY);
  const store = storeOf(machine, 'keychain');
  assert.equal(store.state(root), 'not trusted');
  assert.deepEqual(store.add(root), { done: true });
  assert.equal(store.state(root), 'trusted');
  assert.equal(store.state(later), 'outdated');
  assert.deepEqual(store.add(later), { done: true });
  assert.equal(store.state(later), 'trusted');
  assert.deepEqual(store.remove(null), { done: true });
  assert.equal(store.state(later), 'not trusted');
  const log = readFileSync(join(machine.home, 'log'), 'utf8');
  const keychain = join(machine.home, 'Library/Keychains/login.keychain-db');
  assert.ok(log.includes(`add-trusted-cert -r trustRoot -p ssl -k ${keychain} ${root.file}\n`));
  assert.ok(log.includes(`delete-certificate -Z ${root.certificate.fingerprint.replaceAll(':', '')} ${keychain}\n`));
});

test('a refusal of the keychain is reported with the command', (t) => {
  const { machine, directory, root } = prepare(t, { platform: 'darwin' });
  script(
    directory,
    'security',
    '[ $1 = add-trusted-cert ] && { echo "The authorization was canceled by the user." >&2; exit 1; }; exit 0',
  );
  const change = storeOf(machine, 'keychain').add(root);
  assert.ok(!change.done && change.reason === 'The authorization was canceled by the user.');
  assert.match(byHand(change), /^security add-trusted-cert .*root\.pem$/);
});

test('on Windows the commands are given', (t) => {
  const { machine, root } = prepare(t, { platform: 'win32', uid: null });
  const store = storeOf(machine, 'Windows');
  assert.equal(byHand(store.add(root)), `certutil.exe -user -addstore Root "${root.file}"`);
  assert.match(byHand(store.remove(root)), /^certutil\.exe -user -delstore Root "tsproxy local root [0-9a-f]{8}"$/);
});

/** The command as a user without privileges, whose directory is temporary. */
function run(directory: string, ...words: readonly string[]): { code: number | null; text: string } {
  const isRoot = process.geteuid?.() === 0;
  const { status, stdout, stderr } = spawnSync(process.execPath, [BINARY, 'ca', ...words], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: directory },
    ...(isRoot && { uid: 65534, gid: 65534 }),
  });
  return { code: status, text: stdout + stderr };
}

test('tsproxy ca shows, trusts, extends and removes the CA', { skip: withoutCertutil }, (t) => {
  const home = mkdtempSync(join(tmpdir(), 'tsproxy-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  if (process.geteuid?.() === 0) chownSync(home, 65534, 65534);
  const directory = join(home, '.local/share/tsproxy/ca');
  const first = run(home);
  if (first.code !== 0 && /EACCES|MODULE_NOT_FOUND/.test(first.text))
    return t.skip('other users cannot read the checkout');
  assert.match(first.text, /^There is no local CA yet\./);
  assert.ok(!existsSync(directory));

  const trusted = run(home, 'trust');
  assert.equal(trusted.code, 0, trusted.text);
  assert.match(trusted.text, /^trusted {6}Chromium \(.*nssdb\)$/m);
  assert.ok(trusted.text.includes(`NODE_EXTRA_CA_CERTS=${directory}/root.pem\n`));
  const before = JSON.parse(run(home, '--json').text);
  assert.equal(before.root, `${directory}/root.pem`);
  assert.equal(before.stores[0].state, 'trusted');
  assert.ok(!before.permitted.includes('shop.com'));

  const extended = run(home, 'trust', 'Shop.com', 'a.test');
  assert.match(extended.text, /^The local CA was created again; it permits shop\.com, too\.$/m);
  const after = JSON.parse(run(home, '--json').text);
  assert.ok(after.permitted.includes('shop.com') && !after.permitted.includes('a.test'));
  assert.notEqual(after.fingerprint, before.fingerprint);
  assert.equal(after.stores[0].state, 'trusted');
  assert.doesNotMatch(run(home, 'trust', 'www.shop.com').text, /created again/);
  assert.match(run(home).text, /^Permits: {5}localhost, test[\s\S]*\n {2}trusted {6}Chromium /m);

  chmodSync(directory, 0o755);
  assert.deepEqual(run(home, 'trust').code, 1);
  assert.match(run(home).text, /^tsproxy ca: ".*" has the mode 0755: others can access it/);
  chmodSync(directory, 0o700);

  const removed = run(home, 'remove');
  assert.match(removed.text, /^removed {6}Chromium .*\ndeleted {6}.*\/tsproxy\/ca\n$/);
  assert.equal(removed.code, 0);
  assert.ok(!existsSync(directory));
  assert.doesNotMatch(certutil('-L', '-d', `sql:${home}/.pki/nssdb`), /tsproxy/);
  assert.match(run(home, 'remove').text, /^No store trusts the local CA\.\n$/);
});

test('usage errors of tsproxy ca change nothing', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'tsproxy-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  if (process.geteuid?.() === 0) chownSync(home, 65534, 65534);
  const first = run(home, 'trust', 'com');
  if (/EACCES|MODULE_NOT_FOUND/.test(first.text)) return t.skip('other users cannot read the checkout');
  const usageError = (message: string) => ({
    code: 2,
    text: `tsproxy: ${message}\nRun "tsproxy ca --help" for its arguments and options.\n`,
  });
  assert.deepEqual(first, usageError('"com" would permit a whole top-level domain'));
  assert.deepEqual(run(home, 'trust', '*.a.com'), usageError('"*.a.com" is not a domain name'));
  assert.deepEqual(run(home, 'remove', 'a.com'), usageError('only "tsproxy ca trust" takes names'));
  assert.match(run(home, 'thrust').text, /Allowed choices are trust, untrust, remove\./);
  assert.ok(!existsSync(join(home, '.local')));
});

test('a directory that cannot be written is one message', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'tsproxy-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  writeFileSync(join(home, '.local'), '');
  chmodSync(home, 0o755);
  const { code, text } = run(home, 'trust');
  if (/MODULE_NOT_FOUND/.test(text)) return t.skip('other users cannot read the checkout');
  assert.equal(code, 1);
  assert.match(
    text,
    /^tsproxy ca: the local CA in ".*" cannot be used: E\w+: .*; \$TSPROXY_CA_DIRECTORY names another directory\n$/,
  );
});
