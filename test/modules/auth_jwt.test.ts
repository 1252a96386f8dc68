import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { CompactEncrypt, type JWTPayload, SignJWT } from 'jose';
import { jsonErrorOffset } from '../../src/modules/auth_jwt/json-error.js';
import {
  type Answer,
  answeringBackend,
  type Backend,
  closedPort,
  get,
  reply,
  scriptedBackend,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

const SECRET = Buffer.from('a secret of thirty-two characters');
const WRAPPING = Buffer.alloc(32, 7);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');

function jwk(key: KeyObject, members: object): object {
  return { ...key.export({ format: 'jwk' }), ...members };
}

const KEYS = [
  { kty: 'oct', k: SECRET.toString('base64url'), kid: 'secret', use: 'sig' },
  jwk(rsa.publicKey, { kid: 'rsa' }),
  jwk(ec.publicKey, { kid: 'ec', alg: 'ES256' }),
  jwk(ed.publicKey, { kid: 'ed' }),
  { kty: 'oct', k: WRAPPING.toString('base64url'), kid: 'wrap', use: 'enc' },
  jwk(rsa.privateKey, { kid: 'rsa-enc', use: 'enc' }),
  { kty: 'future', kid: 'ignored' },
];
const NOW = Math.floor(Date.now() / 1000);
const CLAIMS = {
  sub: 'joe',
  exp: NOW + 3600,
  roles: ['admin', 'user'],
  address: { city: 'Z\xfcrich' },
  level: 3,
  no: 0,
};

type Algorithm = 'HS256' | 'HS512' | 'RS256' | 'PS384' | 'ES256' | 'EdDSA';
const SIGNERS: Readonly<Record<Algorithm, readonly [KeyObject | Uint8Array, string]>> = {
  HS256: [SECRET, 'secret'],
  HS512: [SECRET, 'secret'],
  RS256: [rsa.privateKey, 'rsa'],
  PS384: [rsa.privateKey, 'rsa'],
  ES256: [ec.privateKey, 'ec'],
  EdDSA: [ed.privateKey, 'ed'],
};

function sign(alg: Algorithm, claims: JWTPayload = CLAIMS, kid: string | null = SIGNERS[alg][1]): Promise<string> {
  const header = kid === null ? { alg } : { alg, kid };
  return new SignJWT(claims).setProtectedHeader(header).sign(SIGNERS[alg][0]);
}

function encrypt(text: string): Promise<string> {
  return new CompactEncrypt(Buffer.from(text))
    .setProtectedHeader({ alg: 'A256KW', enc: 'A128CBC-HS256', kid: 'wrap' })
    .encrypt(WRAPPING);
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function keyFile(keys: readonly object[]): string {
  return JSON.stringify({ keys });
}

describe('auth_jwt', () => {
  let proxy: TestProxy;
  let provider: Backend;
  let silent: Backend;
  let fetched = '';
  before(async () => {
    provider = await answeringBackend(() => fetched);
    silent = await scriptedBackend(() => {});
    proxy = await startProxy(
      `auth_jwt_claim_set $city address city;
      auth_jwt_header_set $key_id kid;
      large_client_header_buffers 4 128k;
      server {
        listen 127.0.0.1:0;
        auth_jwt "an api";
        auth_jwt_key_file %%DIR%%/keys.json;
        location / {
          add_header X-Claims "$jwt_claim_sub|$jwt_claim_roles|$city|$jwt_claim_level|$key_id|$jwt_header_alg" always;
          empty_gif;
        }
        location /cookie { auth_jwt cookies token=$cookie_jwt; empty_gif; }
        location /leeway { auth_jwt_leeway 60s; empty_gif; }
        location /require { auth_jwt_require $jwt_claim_sub $jwt_claim_level error=403; empty_gif; }
        location /require-zero { auth_jwt_require $jwt_claim_no; empty_gif; }
        location /encrypted { auth_jwt_type encrypted; add_header X-Payload $jwt_payload; empty_gif; }
        location /nested { auth_jwt_type nested; add_header X-Claims $jwt_claim_sub; empty_gif; }
        location /changing { auth_jwt_key_file %%DIR%%/changing.json; empty_gif; }
        location /fetched { auth_jwt_key_file %%DIR%%/empty.json; auth_jwt_key_request /jwks; auth_jwt_key_cache 1h; empty_gif; }
        location /uncached { auth_jwt_key_request /jwks; auth_jwt_key_file %%DIR%%/empty.json; empty_gif; }
        location /down { auth_jwt_key_request /jwks-down; auth_jwt_key_file %%DIR%%/empty.json; empty_gif; }
        location /slow { auth_jwt_key_request /jwks-slow; auth_jwt_key_file %%DIR%%/empty.json; empty_gif; }
        location /open { auth_jwt off; empty_gif; }
        location = /jwks { internal; auth_jwt off; proxy_pass http://127.0.0.1:%%PROVIDER%%; }
        location = /jwks-down { internal; proxy_pass http://127.0.0.1:%%CLOSED%%; }
        location = /jwks-slow { internal; proxy_read_timeout 200ms; proxy_pass http://127.0.0.1:%%SILENT%%; }
      }`,
      { PROVIDER: provider.port, CLOSED: await closedPort(), SILENT: silent.port },
      {
        files: {
          'keys.json': keyFile(KEYS),
          'changing.json': keyFile(KEYS),
          'empty.json': keyFile([{ kty: 'oct', k: 'b3RoZXI', kid: 'other' }]),
        },
      },
    );
  });
  after(() => Promise.all([proxy.close(), provider.close(), silent.close()]));

  const ask = (token: string, path = '/'): Promise<Answer> =>
    get(proxy.port, path, { fields: token === '' ? [] : [`Authorization: Bearer ${token}`] });
  const reasons = (): string => proxy.messages('error').join('\n');
  const refused = async (token: string, reason: RegExp, path = '/') => {
    const answer = await ask(token, path);
    assert.equal(answer.status, 401);
    assert.equal(answer.field('www-authenticate'), 'Bearer realm="an api", error="invalid_token"');
    const last = proxy.messages('error').at(-1) ?? '';
    assert.match(last, /^\*\d+ JSON Web Token was rejected: /);
    assert.match(last, reason);
    assert.ok(token.length < 40 || !proxy.messages().some((line) => line.includes(token)), 'the token is logged');
  };

  for (const alg of Object.keys(SIGNERS) as Algorithm[]) {
    test(`accepts a token signed with ${alg}, and provides its claims`, async () => {
      for (const kid of [SIGNERS[alg][1], null]) {
        const token = await sign(alg, CLAIMS, kid);
        for (let i = 0; i < 2; i++) {
          const answer = await ask(token);
          assert.equal(answer.status, 200);
          assert.equal(answer.field('x-claims'), `joe|admin,user|Z\xc3\xbcrich|3|${kid ?? ''}|${alg}`);
        }
      }
    });
  }

  test('challenges clients without a token', async () => {
    for (const field of ['', 'Authorization: Basic YTpi', 'Authorization: Bearer', 'Authorization: Bearer a b']) {
      const answer = await get(proxy.port, '/', { fields: field === '' ? [] : [field] });
      assert.equal(answer.status, 401);
      assert.equal(answer.field('www-authenticate'), 'Bearer realm="an api"');
    }
    assert.equal((await get(proxy.port, '/open')).status, 200);
  });

  test('rejects unsigned tokens', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      const unsigned = `${encode({ alg })}.${encode(CLAIMS)}.`;
      await refused(unsigned, /no key for its algorithm/);
      await refused(`${unsigned}AAAA`, /no key for its algorithm/);
    }
    const [, , signature = ''] = (await sign('HS256')).split('.');
    await refused(`${encode({ alg: 'none', kid: 'secret' })}.${encode(CLAIMS)}.${signature}`, /algorithm "none"/);
  });

  test('rejects a token signed with a public key as a secret', async () => {
    const jwkText = JSON.stringify(KEYS[1]);
    const secrets = [
      rsa.publicKey.export({ format: 'pem', type: 'spki' }),
      rsa.publicKey.export({ format: 'der', type: 'spki' }),
      rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }),
      jwkText,
    ];
    for (const secret of secrets) {
      for (const header of [{ alg: 'HS256', kid: 'rsa' }, { alg: 'HS256' }]) {
        const input = `${encode(header)}.${encode(CLAIMS)}`;
        const forged = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
        await refused(forged, 'kid' in header ? /no key for its algorithm "HS256"/ : /signature is invalid/);
      }
    }
  });

  test('rejects unknown and foreign keys', async () => {
    await refused(await sign('RS256', CLAIMS, 'nobody'), /key is unknown/);
    await refused(await sign('RS256', CLAIMS, 'ec'), /no key for its algorithm "RS256"/);
    const foreign = new SignJWT(CLAIMS).setProtectedHeader({ alg: 'RS256', kid: 'rsa' }).sign(otherRsa.privateKey);
    await refused(await foreign, /signature is invalid/);
    // A key in the header is not a key of the set.
    const own = { alg: 'RS256' as const, jwk: otherRsa.publicKey.export({ format: 'jwk' }) };
    await refused(await new SignJWT(CLAIMS).setProtectedHeader(own).sign(otherRsa.privateKey), /signature is invalid/);
    const remote = { alg: 'RS256' as const, jku: 'http://127.0.0.1/jwks', x5u: 'http://127.0.0.1/x' };
    await refused(await new SignJWT(CLAIMS).setProtectedHeader(remote).sign(otherRsa.privateKey), /is invalid/);
    // The key for encryption signs nothing.
    const wrapped = new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256', kid: 'wrap' }).sign(WRAPPING);
    await refused(await wrapped, /no key for its algorithm/);
  });

  test('rejects changed and malformed tokens', async () => {
    const token = await sign('ES256');
    const [header = '', , signature = ''] = token.split('.');
    await refused(`${header}.${encode({ ...CLAIMS, sub: 'root' })}.${signature}`, /signature is invalid/);
    await refused(`${header}.${encode(CLAIMS)}.`, /signature is invalid/);
    await refused(token.slice(0, -4), /signature is invalid/);
    await refused(`${token}.x`, /malformed/);
    await refused('a.b', /malformed/);
    await refused('...', /malformed/);
    await refused('..', /header is malformed/);
    await refused('!.!.!', /header is malformed/);
    await refused(`${encode({ kid: 'rsa' })}.e30.x`, /names no algorithm/);
    await refused(`${encode({ alg: 'HS256', kid: 'secret', crit: ['x'], x: 1 })}.e30.x`, /signature is invalid/);
    await refused(`${encode({ alg: 'HS256', b64: false, crit: ['b64'] })}.e30.x`, /"b64"/);
    for (const payload of ['[]', '1', 'null', '"x"', 'x']) {
      const input = `${encode({ alg: 'HS256', kid: 'secret' })}.${Buffer.from(payload).toString('base64url')}`;
      const signed = `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
      await refused(signed, /claims are not/);
    }
  });

  test('checks the times of a token for each request, with a leeway', async () => {
    const now = Math.floor(Date.now() / 1000);
    const expired = await sign('HS256', { sub: 'joe', exp: now - 30 });
    await refused(expired, /it has expired/);
    await refused(expired, /it has expired/);
    assert.equal((await ask(expired, '/leeway')).status, 200);
    await refused(await sign('HS256', { exp: now - 90 }), /it has expired/, '/leeway');
    const early = await sign('HS256', { sub: 'joe', nbf: now + 30 });
    await refused(early, /not valid yet/);
    assert.equal((await ask(early, '/leeway')).status, 200);
    await refused(await sign('HS256', { nbf: now + 600 }), /not valid yet/, '/leeway');
    assert.equal((await ask(await sign('HS256', { sub: 'eternal' }))).status, 200);
    for (const claims of [{ exp: '99999999999' }, { nbf: [] }, { exp: null }]) {
      await refused(await sign('HS256', claims as unknown as JWTPayload), /is not a number/);
    }
    // Valid for more than a second, however late in its second the token is signed.
    const short = await sign('HS256', { exp: Math.floor(Date.now() / 1000) + 3 });
    assert.equal((await ask(short)).status, 200);
    while ((await ask(short)).status === 200) await new Promise((resolve) => setTimeout(resolve, 50));
    await refused(short, /it has expired/);
  });

  test('handles tokens of 64 KiB, and rejects longer ones', async () => {
    const filled = async (length: number) => {
      const empty = (await sign('HS256', { sub: 'joe', x: '' })).length;
      return sign('HS256', { sub: 'joe', x: 'x'.repeat(Math.floor(((length - empty) * 3) / 4)) });
    };
    assert.equal((await ask(await filled(65_000))).status, 200);
    await refused(await filled(70_000), /it is longer than 65536 bytes/);
    await refused('x'.repeat(65_536), /malformed/);
    await refused(`${'a.'.repeat(30_000)}a`, /malformed/);
    assert.equal((await ask('x'.repeat(140_000))).status, 400);
  });

  test('takes the token from a variable', async () => {
    const token = await sign('RS256');
    assert.equal((await get(proxy.port, '/cookie', { fields: [`Cookie: a=b; jwt=${token}`] })).status, 200);
    assert.equal((await ask(token, '/cookie')).status, 401);
  });

  test('requires values', async () => {
    assert.equal((await ask(await sign('HS256'), '/require')).status, 200);
    assert.equal((await ask(await sign('HS256', { sub: 'joe' }), '/require')).status, 403);
    assert.equal((await ask(await sign('HS256'), '/require-zero')).status, 401);
  });

  test('decrypts tokens, and verifies nested ones', async () => {
    const answer = await ask(await encrypt(JSON.stringify({ sub: 'ann' })), '/encrypted');
    assert.equal(answer.status, 200);
    assert.equal(answer.field('x-payload'), '{"sub":"ann"}');
    const oaep = new CompactEncrypt(Buffer.from('{}')).setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' });
    assert.equal((await ask(await oaep.encrypt(rsa.publicKey), '/encrypted')).status, 200);
    assert.equal((await ask(await encrypt(await sign('ES256')), '/nested')).field('x-claims'), 'joe');
    await refused(await encrypt(`${encode({ alg: 'none' })}.${encode(CLAIMS)}.`), /algorithm "none"/, '/nested');
    await refused(await sign('HS256'), /malformed/, '/encrypted');
    await refused(await encrypt('{}'), /malformed/);
    const passwords = { alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 1e9, p2s: 'c2FsdHNhbHQ' };
    await refused(`${encode(passwords)}.AAAA.AAAA.AAAA.AAAA`, /no key for its algorithm/, '/encrypted');
  });

  test('reads a key file again when it has changed', async () => {
    const file = join(proxy.directory, 'changing.json');
    const token = await sign('RS256');
    assert.equal((await ask(token, '/changing')).status, 200);
    writeFileSync(file, keyFile(KEYS.filter((key) => !('kid' in key) || key.kid !== 'rsa')));
    await refused(token, /key is unknown/, '/changing');
    writeFileSync(file, '{\n"keys": [\n{]');
    await refused(token, /key is unknown/, '/changing');
    assert.match(proxy.messages('crit').at(-1) ?? '', /invalid key set in \S+\/changing\.json:3: /);
    writeFileSync(file, keyFile(KEYS));
    assert.equal((await ask(token, '/changing')).status, 200);
    writeFileSync(file, '{\n"keys"');
    assert.equal((await ask(token, '/changing')).status, 200);
    assert.equal((await ask('', '/changing')).status, 401);
    assert.match(proxy.messages('crit').at(-1) ?? '', /invalid key set in \S+\/changing\.json:2: /);
    rmSync(file);
    assert.equal((await ask(token, '/changing')).status, 500);
    writeFileSync(file, '{');
    assert.equal((await ask(token, '/changing')).status, 500);
    writeFileSync(file, keyFile(KEYS));
    assert.equal((await ask(token, '/changing')).status, 200);
  });

  test('fetches keys once, for concurrent requests too, and keeps them', async () => {
    fetched = reply(keyFile(KEYS));
    const token = await sign('ES256');
    const before = provider.requests.length;
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(token, '/fetched')));
    assert.ok(answers.every(({ status }) => status === 200));
    fetched = reply('', { status: '503 Down' });
    assert.equal((await ask(token, '/fetched')).status, 200);
    assert.equal(provider.requests.length, before + 1);
  });

  test('responds with 500 while keys cannot be fetched', async () => {
    const token = await sign('ES256');
    for (const [path, reason] of [
      ['/down', /unexpected status of key request "\/jwks-down": 502/],
      ['/slow', /unexpected status of key request "\/jwks-slow": 504/],
    ] as const) {
      assert.equal((await ask(token, path)).status, 500);
      assert.match(reasons(), reason);
    }
    for (const [response, reason] of [
      [reply('', { status: '404 Not Found' }), /unexpected status of key request "\/jwks": 404/],
      [reply('<html>'), /invalid key set in \/jwks:1: /],
      [reply('{"keys":[{}]}'), /invalid key set in \/jwks:1: a key without the string "kty"/],
      [reply(`{"keys":[]${' '.repeat(1 << 20)}}`), /key set of "\/jwks" is longer than 1048576 bytes/],
      ['HTTP/1.1 200 OK\r\nContent-Length: 999\r\nConnection: close\r\n\r\n{"keys":[', /key request "\/jwks"/],
    ] as const) {
      fetched = response;
      assert.equal((await ask(token, '/uncached')).status, 500);
      assert.match(proxy.messages('error').slice(-3).join('\n'), reason);
    }
    fetched = reply(keyFile(KEYS));
    assert.equal((await ask(token, '/uncached')).status, 200);
  });
});

describe('a malformed key file', () => {
  const CONFIGURATION = `server {
    listen 127.0.0.1:0;
    location / { auth_jwt api; auth_jwt_key_file %%DIR%%/%%FILE%%; empty_gif; }
  }`;
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const MALFORMED: Readonly<Record<string, readonly [string, RegExp]>> = {
    'syntax.json': ['{\n"keys": [\n  {"kty": oct}\n]}', /invalid key set in \S+\/syntax\.json:3: /],
    'cut.json': ['{\n"keys": [\n\n', /cut\.json:2: /],
    'empty.json': ['', /empty\.json:1: /],
    'array.json': ['[]', /array\.json:1: a key set is an object with an array "keys"/],
    'kty.json': ['{"a": [{}], "keys":\n[{"kty":"oct","k":"YQ"},\n{"kid":"]"}]}', /kty\.json:\d+: a key without/],
    'number.json': ['{"keys":[\n{"kty":"oct","k":1}]}', /number\.json:2: "k" is not a string/],
    'secret.json': ['{"keys":[\n{"kty":"oct","k":""}]}', /secret\.json:2: an empty secret/],
    'none.json': ['{"keys":[\n\n{"kty":"future"}]}', /none\.json:3: no key of a supported type/],
    'rsa.json': ['{"keys":[\n{"kty":"RSA","n":"AQ"}]}', /rsa\.json:2: malformed key/],
    'curve.json': ['{"keys":[\n{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}', /curve\.json:2: malformed key/],
    'weak.json': [keyFile([weak]), /weak\.json:1: malformed key: an RSA key needs 2048 bits/],
  };
  const files = {
    'good.json': keyFile(KEYS),
    ...Object.fromEntries(Object.entries(MALFORMED).map(([name, [content]]) => [name, content])),
  };

  for (const [name, [, reason]] of Object.entries(MALFORMED)) {
    test(`${name} prevents a start, with file and line`, async () => {
      await assert.rejects(startProxy(CONFIGURATION, { FILE: name }, { files }), reason);
    });
  }

  test('leaves the running configuration untouched at a reload', async (t) => {
    const proxy = await startProxy(CONFIGURATION, { FILE: 'good.json' }, { files });
    t.after(() => proxy.close());
    for (const name of [...Object.keys(MALFORMED), 'missing.json']) {
      await assert.rejects(proxy.reload(CONFIGURATION, { FILE: name }));
    }
    await assert.rejects(
      proxy.reload(CONFIGURATION.replace(/auth_jwt_key_file[^;]*;/, '')),
      /requires "auth_jwt_key_file"/,
    );
    const fields = [`Authorization: Bearer ${await sign('HS256')}`];
    assert.equal((await get(proxy.port, '/', { fields })).status, 200);
    assert.equal((await get(proxy.port, '/')).status, 401);
  });
});

describe('the position of an error in JSON', () => {
  for (const [text, offset] of [
    ['{"a" 1}', 5],
    ['{"a":1,}', 7],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['{1:2}', 1],
    ['{"a":01}', 5],
    ['["\n"]', 1],
    ['["\\x"]', 1],
    ['[tru]', 1],
    ['[1]]', 3],
    ['[', 1],
    ['{"a"', 4],
    ['', 0],
    ['  ', 2],
    ['"a" "b"', 4],
  ] as const) {
    test(`${JSON.stringify(text)}: ${offset}`, () => assert.equal(jsonErrorOffset(text), offset));
  }
  test('is the end for every beginning of a text, and never before a change', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), (value, n) => {
        const text = JSON.stringify({ keys: value });
        assert.equal(jsonErrorOffset(text), text.length);
        const cut = n % text.length;
        const changed = `${text.slice(0, cut)}\u0001${text.slice(cut)}`;
        assert.ok(jsonErrorOffset(changed) <= cut);
      }),
      { numRuns: 200 },
    );
  });
});
