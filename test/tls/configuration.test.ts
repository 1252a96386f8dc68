import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { certificateFor, certificates, startProxy, withoutOpenssl } from '../kit/index.js';

/** Directives of a server with a mistake, and nginx's message. `%%C%%`: the directory of the certificates. */
const MISTAKES: readonly (readonly [directives: string, message: RegExp])[] = [
  [
    'ssl_certificate /none.crt; ssl_certificate_key %%C%%/ec.key;',
    /^cannot load certificate "\/none.crt": BIO_new_file\(\) failed \(SSL: error:80000002:system library::No such file or directory:calling fopen\(\/none.crt, r\) error:10000080:BIO routines::no such file\) in /,
  ],
  [
    'ssl_certificate %%C%%/ec.crt; ssl_certificate_key /none.key;',
    /^cannot load certificate key "\/none.key": BIO_new_file\(\) failed /,
  ],
  [
    'ssl_certificate garbage; ssl_certificate_key %%C%%/ec.key;',
    /^cannot load certificate ".*garbage": PEM_read_bio_X509_AUX\(\) failed \(SSL: error:0480006C:PEM routines::no start line:Expecting: TRUSTED CERTIFICATE\) in /,
  ],
  [
    'ssl_certificate %%C%%/ec.crt; ssl_certificate_key garbage;',
    /^cannot load certificate key ".*garbage": PEM_read_bio_PrivateKey\(\) failed \(SSL: error:1E08010C:DECODER routines::unsupported:No supported data to decode. Input type: PEM\) in /,
  ],
  [
    'ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/other.key;',
    /^SSL_CTX_use_PrivateKey\(".*other.key"\) failed \(SSL: error:05800074:x509 certificate routines::key values mismatch\) in /,
  ],
  [
    'ssl_certificate truncated; ssl_certificate_key %%C%%/ec.key;',
    /^cannot load certificate ".*truncated": PEM_read_bio_X509_AUX\(\) failed \(SSL: error:04800066:PEM routines::bad end line\) in /,
  ],
  [
    'ssl_certificate damaged; ssl_certificate_key %%C%%/ec.key;',
    /^cannot load certificate ".*damaged": PEM_read_bio_X509_AUX\(\) failed \(SSL: error:068000A8:asn1 encoding routines::wrong tag/,
  ],
  [
    'ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/encrypted.key;',
    /^cannot load certificate key ".*encrypted.key": PEM_read_bio_PrivateKey\(\) failed \(SSL: /,
  ],
  [
    'ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/encrypted.key; ssl_password_file wrong;',
    /^cannot load certificate key ".*encrypted.key": PEM_read_bio_PrivateKey\(\) failed \(SSL: .*bad decrypt/,
  ],
  ['ssl_certificate %%C%%/ec.crt;', /^no "ssl_certificate_key" is defined for certificate ".*ec.crt" in /],
  ['', /^no "ssl_certificate" is defined for the "listen ... ssl" directive in /],
  ['%%OK%% ssl_password_file /none;', /^open\(\) "\/none" failed \(2: No such file or directory\) in /],
  [
    '%%OK%% ssl_ciphers NONSENSE;',
    /^SSL_CTX_set_cipher_list\("NONSENSE"\) failed \(SSL: error:0A0000B9:SSL routines::no cipher match\) in /,
  ],
  [
    '%%OK%% ssl_ecdh_curve nonsense;',
    /^SSL_CTX_set1_curves_list\("nonsense"\) failed \(SSL: error:0A080106:SSL routines::passed invalid argument\) in /,
  ],
  [
    '%%OK%% ssl_dhparam garbage;',
    /^PEM_read_bio_DHparams\(".*garbage"\) failed \(SSL: error:0480006C:PEM routines::no start line:Expecting: DH PARAMETERS\) in /,
  ],
  ['%%OK%% ssl_dhparam /none;', /^BIO_new_file\("\/none"\) failed \(SSL: error:80000002:/],
  ['%%OK%% ssl_verify_client on;', /^no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client in /],
  [
    '%%OK%% ssl_verify_client on; ssl_client_certificate /none;',
    /^cannot load certificate "\/none": BIO_new_file\(\) failed /,
  ],
  [
    '%%OK%% ssl_trusted_certificate garbage;',
    /^cannot load certificate ".*garbage": PEM_read_bio_X509_AUX\(\) failed /,
  ],
  [
    '%%OK%% ssl_crl garbage;',
    /^cannot load CRL ".*garbage": PEM_read_bio_X509_CRL\(\) failed \(SSL: error:0480006C:PEM routines::no start line:Expecting: X509 CRL\) in /,
  ],
  ['%%OK%% ssl_session_ticket_key garbage;', /^".*garbage" must be 48 or 80 bytes in /],
  ['%%OK%% ssl_session_ticket_key /none;', /^open\(\) "\/none" failed \(2: No such file or directory\) in /],
  [
    '%%OK%% ssl_conf_command Nonsense x;',
    /^SSL_CONF_cmd\("Nonsense", "x"\) failed \(SSL: error:0A000182:SSL routines::unknown cmd name:cmd=Nonsense\) in /,
  ],
  [
    '%%OK%% ssl_conf_command Ciphersuites x;',
    /^SSL_CONF_cmd\("Ciphersuites", "x"\) failed \(SSL: error:0A0000B9:SSL routines::no cipher match/,
  ],
  [
    '%%OK%% ssl_stapling on; ssl_stapling_file garbage;',
    /^d2i_OCSP_RESPONSE_bio\(".*garbage"\) failed \(SSL: error:0680008E:asn1 encoding routines::not enough data\) in /,
  ],
];

describe('TLS files and lists that cannot be used', { skip: withoutOpenssl, concurrency: 4 }, () => {
  const C = certificates().directory;
  const OK = `ssl_certificate ${C}/ec.crt; ssl_certificate_key ${C}/ec.key;`;
  const files = {
    garbage: 'garbage\n',
    wrong: 'wrong\n',
    truncated: certificates().read('ec.crt').slice(0, 300),
    damaged: certificates().read('ec.crt').replace('\nMI', '\nQQ'),
  };
  for (const [directives, message] of MISTAKES) {
    test(`are refused with nginx's message: ${directives || 'none at all'}`, async () => {
      const text = `server { listen 127.0.0.1:0 ssl; ${directives.replaceAll('%%OK%%', OK)} }`;
      await assert.rejects(startProxy(text, { C }, { files }), { message });
    });
  }
});

describe('a reload of certificates', { skip: withoutOpenssl }, () => {
  test('uses the new file for new connections, and refuses an invalid one without any effect', async (t) => {
    const authority = certificates();
    const config = 'server { listen 127.0.0.1:0 ssl; ssl_certificate own.crt; ssl_certificate_key own.key; }';
    const files = { 'own.crt': authority.read('ec.crt'), 'own.key': authority.read('ec.key') };
    const proxy = await startProxy(config, {}, { files });
    t.after(() => proxy.close());
    const own = (name: string): string => join(proxy.directory, name);
    assert.equal(await certificateFor(proxy.port, 'x'), 'example.com');

    copyFileSync(authority.crt('other'), own('own.crt'));
    copyFileSync(authority.key('other'), own('own.key'));
    assert.equal(await certificateFor(proxy.port, 'x'), 'example.com');
    await proxy.reload(config);
    assert.equal(await certificateFor(proxy.port, 'x'), 'other.example');

    copyFileSync(authority.key('ec'), own('own.key'));
    await assert.rejects(proxy.reload(config), { message: /key values mismatch/ });
    writeFileSync(own('own.crt'), 'garbage');
    await assert.rejects(proxy.reload(config), { message: /no start line/ });
    if (process.getuid?.() !== 0) {
      chmodSync(own('own.crt'), 0);
      await assert.rejects(proxy.reload(config), { message: /Permission denied/ });
    }
    assert.equal(await certificateFor(proxy.port, 'x'), 'other.example');
  });

  test('an expired certificate is served, as in nginx', async (t) => {
    const C = certificates().directory;
    const text =
      'server { listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/expired.crt; ssl_certificate_key %%C%%/expired.key; }';
    const proxy = await startProxy(text, { C });
    t.after(() => proxy.close());
    assert.equal(await certificateFor(proxy.port, 'x'), 'expired.example');
  });
});
