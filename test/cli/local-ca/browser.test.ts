/** Chromium with a database that trusts the local CA. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { issueCertificate, readAuthority } from '../../../src/cli/local-ca/authority.js';
import { LocalCa } from '../../../src/cli/local-ca/local-ca.js';
import { programIn } from '../../../src/cli/local-ca/trust/run-program.js';
import type { Machine } from '../../../src/cli/local-ca/trust/trust-store.js';
import { trustStoresOf } from '../../../src/cli/local-ca/trust/trust-stores.js';
import { browser, noBrowser } from '../../kit/browser.js';
import { listening } from '../../kit/index.js';

function machineOf(home: string): Machine {
  const environment = { PATH: ['/usr/local/bin', '/usr/bin'].join(delimiter), HOME: home };
  return { platform: 'linux', environment, home, uid: 1000, systemRoot: home };
}

const skip =
  noBrowser ||
  (programIn(machineOf('/'), 'certutil') === null ? 'certutil is not installed' : process.platform !== 'linux');

function serve(t: TestContext, pem: string): Promise<number> {
  return listening(
    t,
    createServer({ key: pem, cert: pem }, (_, response) => response.end('local')),
  );
}

/** Error of a page, or its text. */
async function outcome(
  page: { goto(url: string): Promise<unknown>; evaluate(text: string): Promise<unknown> },
  url: string,
): Promise<string> {
  try {
    await page.goto(url);
    return String(await page.evaluate('document.body.innerText'));
  } catch (error) {
    return /net::\w+/.exec(String(error))?.[0] ?? String(error);
  }
}

test('Chromium accepts certificates of the trusted CA for permitted names only', { skip }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'tsproxy-browser-'));
  t.after(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  mkdirSync(join(home, 'ca'), { mode: 0o700 });
  const ca = LocalCa.open(join(home, 'ca'));
  const { stores } = trustStoresOf(machineOf(home));
  assert.deepEqual(
    stores.map((store) => store.add({ certificate: ca.root, file: ca.rootFile })),
    [{ done: true }],
  );
  const authority = readAuthority(readFileSync(join(home, 'ca/authority.pem'), 'utf8'));
  const good = await serve(
    t,
    readFileSync(ca.certificateFor(['shop.example.com.localhost', '*.wild.test']).file, 'utf8'),
  );
  const stolen = await serve(t, issueCertificate(authority, ['www.bank.com']));
  const stranger = await serve(t, readFileSync(LocalCa.open(join(home, 'other')).certificateFor([]).file, 'utf8'));

  const rules = '--host-resolver-rules=MAP www.bank.com 127.0.0.1, MAP *.wild.test 127.0.0.1';
  const page = await (await browser(t, [rules, '--no-proxy-server'], { HOME: home })).newPage();
  assert.equal(await outcome(page, `https://shop.example.com.localhost:${good}/`), 'local');
  assert.equal(await outcome(page, `https://localhost:${good}/`), 'local');
  assert.equal(await outcome(page, `https://127.0.0.1:${good}/`), 'local');
  assert.equal(await outcome(page, `https://a.wild.test:${good}/`), 'local');
  assert.equal(await outcome(page, `https://other.localhost:${good}/`), 'net::ERR_CERT_COMMON_NAME_INVALID');
  assert.equal(await outcome(page, `https://localhost:${stranger}/`), 'net::ERR_CERT_AUTHORITY_INVALID');
  assert.match(await outcome(page, `https://www.bank.com:${stolen}/`), /^net::ERR_CERT_/);
});
