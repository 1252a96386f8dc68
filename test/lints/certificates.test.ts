import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { check } from '../../src/config/check.js';
import { lintAndProbe } from '../../src/lints/engine/run.js';
import { lints } from '../../src/lints/index.js';
import { modules } from '../../src/modules/index.js';
import { createAuthority, date, withoutOpenssl } from '../kit/index.js';

test('a certificate that expires soon is reported, in proportion to its validity', {
  skip: withoutOpenssl,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-lints-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const authority = createAuthority(directory);
  const found = async (from: number, to: number): Promise<string[]> => {
    authority.issue('x', { name: 'x', from: date(from), to: date(to) });
    const text =
      'events {} http { server { listen 127.0.0.1:8443 ssl; ssl_certificate x.crt; ssl_certificate_key x.key; } }';
    const result = check({ name: join(directory, 'nginx.conf'), text }, modules);
    const { findings } = await lintAndProbe(result, lints, { directory: `${directory}/` });
    return findings.filter(({ code }) => code === 'certificate-expired').map(({ message }) => message);
  };
  assert.deepEqual(await found(-80, 10.5), ['the certificate in "x.crt" expires in 10 days']);
  assert.deepEqual(await found(-60, 0.5), ['the certificate in "x.crt" expires today']);
  assert.deepEqual(await found(-60, 30), []);
  assert.deepEqual(await found(-1, 6), []);
  assert.deepEqual(await found(-20, -1), ['the certificate in "x.crt" has expired']);
});

test('a certificate with a part that cannot be read is not judged', { skip: withoutOpenssl }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-lints-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const authority = createAuthority(directory);
  authority.issue('x', { name: 'x', names: 'DNS:x.example', responder: 'http://ocsp.example/' });
  const { raw } = new X509Certificate(authority.read('x.crt'));
  const text = `events {} http { server {
    listen 127.0.0.1:8443 ssl; server_name x.example; ssl_certificate y.crt; ssl_certificate_key x.key;
  } }`;
  // The value behind an object identifier: algorithm of the key, its curve, names, responders.
  for (const oid of ['2a8648ce3d0201', '2a8648ce3d030107', '551d11', '2b06010505070101']) {
    const at = raw.indexOf(Buffer.from(oid, 'hex'));
    assert.ok(at > 0);
    for (let i = 0; i < oid.length / 2 + 8; i++) {
      const changed = Buffer.from(raw);
      changed[at + i] = 0x7e;
      const pem = changed.toString('base64').replace(/.{1,64}/g, '$&\n');
      writeFileSync(join(directory, 'y.crt'), `-----BEGIN CERTIFICATE-----\n${pem}-----END CERTIFICATE-----\n`);
      const result = check({ name: join(directory, 'nginx.conf'), text }, modules);
      await lintAndProbe(result, lints, { directory: `${directory}/` });
    }
  }
});
