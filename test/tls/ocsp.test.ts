import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { fieldsOf } from '../../src/tls/certificate-fields.js';
import { DerReader, der, encodeOid, OBJECT_IDENTIFIER, OCTET_STRING, oidOf, timeOf } from '../../src/tls/der.js';
import { encodeRequest, type Issued, parseResponse, ResponseError } from '../../src/tls/ocsp-message.js';
import { parseResponder, responseIn } from '../../src/tls/ocsp-responder.js';
import { type OcspTrust, verifiedStatus } from '../../src/tls/ocsp-verify.js';
import { type Authority, createAuthority, openssl, withoutOpenssl } from '../kit/index.js';
import { respond } from './ocsp-responder.js';

const DAY = 86_400_000;

describe('DER', () => {
  test('values are read as they were encoded, with lengths of any size', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 70_000]) {
      const content = Buffer.alloc(length, 7);
      const encoded = der(OCTET_STRING, content);
      const reader = new DerReader(encoded);
      assert.deepEqual(reader.next(OCTET_STRING), { tag: OCTET_STRING, content, encoding: encoded });
      assert.equal(reader.atEnd, true);
      for (let cut = 0; cut < Math.min(encoded.length, 6); cut++) {
        assert.throws(() => new DerReader(encoded.subarray(0, cut)).next(), { message: 'not enough data' });
      }
    }
  });

  test('object identifiers are read as they were encoded', () => {
    for (const oid of ['1.3.6.1.5.5.7.48.1', '2.16.840.1.101.3.4.2.1', '0.9.2342.19200300.100.1.25', '2.999']) {
      const value = new DerReader(encodeOid(oid)).next(OBJECT_IDENTIFIER);
      assert.equal(oidOf(value), oid);
    }
    assert.equal(encodeOid('1.2.840.113549').toString('hex'), '06062a864886f70d');
  });

  test('indefinite and huge lengths, wrong tags and times of other forms are refused', () => {
    for (const hex of ['3080', '3085ffffffffff', '3f01', '30']) {
      assert.throws(() => new DerReader(Buffer.from(hex, 'hex')).next(), hex);
    }
    assert.throws(() => new DerReader(Buffer.from('0400', 'hex')).next(0x30), { message: 'wrong tag' });
    const time = (text: string): number => timeOf({ tag: 24, content: Buffer.from(text), encoding: Buffer.alloc(0) });
    assert.equal(time('20300102030405Z'), Date.UTC(2030, 0, 2, 3, 4, 5));
    assert.throws(() => time('2030010203Z'));
  });
});

describe('URLs of responders', () => {
  test('have a host, a port and a path', () => {
    assert.deepEqual(parseResponder('http://a.example'), { host: 'a.example', port: 80, uri: '/' });
    assert.deepEqual(parseResponder('HTTP://[::1]:8080/x'), { host: '::1', port: 8080, uri: '/x' });
    for (const url of [
      'https://a/',
      'a',
      'http://',
      'http://a:x/',
      'http://a/ b',
      'http://a/\r\nX: y',
      'http://unix:/x',
    ]) {
      assert.ok('mistake' in parseResponder(url), url);
    }
  });
});

describe('HTTP responses of responders', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n';

  test('end with their length or the connection', () => {
    assert.deepEqual(responseIn(Buffer.from(`${HEAD}Content-Length: 2\r\n\r\nabc`), false), Buffer.from('ab'));
    assert.equal(responseIn(Buffer.from(`${HEAD}\r\nabc`), false), null);
    assert.deepEqual(responseIn(Buffer.from(`${HEAD}\r\nabc`), true), Buffer.from('abc'));
    assert.deepEqual(responseIn(Buffer.from(`${HEAD.replaceAll('\r', '')}\nabc`), true), Buffer.from('abc'));
    const early = 'OCSP responder prematurely closed connection';
    assert.equal(responseIn(Buffer.from(`${HEAD}Content-Length: 9\r\n\r\nabc`), true), early);
    assert.equal(responseIn(Buffer.from(HEAD), true), early);
  });

  test('of another form are refused as soon as that is known', () => {
    for (const text of ['x', 'HTTP/1.1 abc\r\n\r\n', `${HEAD}:\r\n\r\n`]) {
      assert.equal(responseIn(Buffer.from(text), false), 'OCSP responder sent invalid response');
    }
    for (let cut = 0; cut < HEAD.length; cut++) assert.equal(responseIn(Buffer.from(HEAD.slice(0, cut)), false), null);
  });

  test('spaces around values are removed, however many there are', () => {
    const spaces = ' '.repeat(15_000);
    const head = `HTTP/1.0 200 OK\r\nContent-Type:${spaces}application/ocsp-response \r\nContent-Length:1 \r\n`;
    assert.deepEqual(responseIn(Buffer.from(`${head}\r\nab`), false), Buffer.from('a'));
    const start = process.cpuUsage().user;
    for (let i = 0; i < 20; i++) responseIn(Buffer.from(`HTTP/1.0 200 OK\r\nX: a${spaces}b\r\n\r\n`), false);
    // Quadratic time takes 5 s.
    assert.ok(process.cpuUsage().user - start < 1_000_000);
  });
});

describe('OCSP', { skip: withoutOpenssl }, () => {
  let authority: Authority;
  let issued: Issued;
  let response: Buffer;
  let trust: OcspTrust;
  const certificate = (name: string): X509Certificate => new X509Certificate(authority.read(`${name}.crt`));

  before(async () => {
    authority = createAuthority(mkdtempSync(join(tmpdir(), 'tsproxy-ocsp-')));
    authority.issue('leaf', { name: 'leaf', responder: 'http://ocsp.example/path' });
    authority.issue('other', { name: 'other', key: 'rsa' });
    issued = { certificate: certificate('leaf'), issuer: certificate('ca') };
    trust = { chain: [], store: [issued.issuer], level: 'full' };
    response = await respond(authority, encodeRequest(issued));
  });
  after(() => rmSync(authority.directory, { recursive: true, force: true }));

  test('a certificate names its responders', () => {
    assert.deepEqual(fieldsOf(issued.certificate).responders, ['http://ocsp.example/path']);
    assert.deepEqual(fieldsOf(issued.issuer).responders, []);
    // An extension that cannot be read names none.
    const changed = Buffer.from(issued.certificate.raw);
    const extension = changed.indexOf(Buffer.from('06082b06010505070101', 'hex'));
    changed[extension + 12] = 0x31;
    assert.deepEqual(fieldsOf(new X509Certificate(changed)).responders, []);
  });

  test('a request is that of openssl without a nonce', () => {
    openssl(
      authority.directory,
      ...['ocsp', '-issuer', 'ca.crt', '-cert', 'leaf.crt', '-no_nonce', '-reqout', 'request.der'],
    );
    assert.equal(encodeRequest(issued).toString('latin1'), authority.read('request.der'));
  });

  test('a response has the status, until its time has passed', () => {
    const now = Date.now();
    const { status, valid } = verifiedStatus(response, issued, trust, now);
    assert.equal(status, 'good');
    assert.ok(Math.abs(valid - now - DAY) < 60_000);
    assert.throws(() => verifiedStatus(response, issued, { ...trust, level: 'signature' }, now + 2 * DAY), {
      message: 'OCSP_check_validity() failed (SSL: error:1380007D:OCSP routines::status expired)',
    });
    assert.throws(() => verifiedStatus(response, issued, { ...trust, level: 'signature' }, now - DAY), {
      message: 'OCSP_check_validity() failed (SSL: error:1380007E:OCSP routines::status not yet valid)',
    });
  });

  test('a response about another certificate, or by an unknown signer, is refused', async () => {
    const other = { certificate: certificate('other'), issuer: issued.issuer };
    assert.throws(() => verifiedStatus(response, other, trust, Date.now()), {
      message: 'certificate status not found in the OCSP response',
    });
    const { responses, ...rest } = parseResponse(response);
    assert.equal(responses.length, 1);
    assert.equal(rest.certificates.length, 1);
    assert.throws(() => verifiedStatus(response, issued, { ...trust, store: [] }, Date.now()), {
      message: /OCSP_basic_verify\(\) failed .*certificate verify error/,
    });
    const foreign = await respond(authority, encodeRequest(issued), 'other');
    assert.throws(() => verifiedStatus(foreign, issued, trust, Date.now()), { message: /missing ocspsigning usage/ });
    assert.equal(verifiedStatus(foreign, issued, { ...trust, level: 'signature' }, Date.now()).status, 'good');
  });

  test('a revoked certificate has that status', async () => {
    authority.issue('bad', { name: 'bad' });
    authority.revokeInIndex('bad');
    const bad = { certificate: certificate('bad'), issuer: issued.issuer };
    const answer = await respond(authority, encodeRequest(bad));
    assert.equal(verifiedStatus(answer, bad, trust, Date.now()).status, 'revoked');
  });

  test('no change of a byte is accepted as another status, and every error is a ResponseError', () => {
    fc.assert(
      fc.property(fc.nat(response.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, change, cut) => {
        const changed = Buffer.from(response);
        changed[at] = (changed[at] ?? 0) ^ change;
        try {
          const bytes = cut ? changed.subarray(0, at) : changed;
          assert.equal(verifiedStatus(bytes, issued, trust, Date.now()).status, 'good');
        } catch (error) {
          assert.ok(error instanceof ResponseError, error instanceof Error ? error.stack : '');
        }
      }),
      { numRuns: 500 },
    );
  });
});
