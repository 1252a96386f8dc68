import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUILT_IN_MODULES } from '../../../src/scripting/njs/built-in-modules.js';
import { scriptCrypto } from '../../../src/scripting/njs/web-crypto.js';
import { scriptZlib } from '../../../src/scripting/njs/zlib.js';

/** Members of njs's modules (`ts/njs_modules`). */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  buffer: ['Buffer'],
  crypto: ['createHash', 'createHmac'],
  fs: (
    'accessSync appendFileSync closeSync existsSync fstatSync lstatSync mkdirSync openSync readdirSync readFileSync readSync ' +
    'realpathSync renameSync rmdirSync statSync symlinkSync unlinkSync writeFileSync writeSync promises constants'
  ).split(' '),
  querystring: ['decode', 'encode', 'escape', 'parse', 'stringify', 'unescape'],
  xml: ['parse', 'c14n', 'exclusiveC14n', 'serialize', 'serializeToString'],
  zlib: ['deflateRawSync', 'deflateSync', 'inflateRawSync', 'inflateSync', 'constants'],
};

test('the modules of njs have all of its members, as properties of the default export and by name', async () => {
  assert.deepEqual([...BUILT_IN_MODULES.keys()].sort(), Object.keys(MEMBERS));
  for (const [name, members] of Object.entries(MEMBERS)) {
    const module = await BUILT_IN_MODULES.get(name)?.();
    const { default: object } = module as { readonly default: Readonly<Record<string, unknown>> };
    for (const member of members) {
      assert.notEqual(object[member], undefined, `${name}.${member}`);
      assert.equal(module?.[member], object[member], `${name}.${member}`);
    }
  }
});

test('data of crypto may be strings', async () => {
  const { subtle } = scriptCrypto;
  const digest = await subtle.digest('SHA-256', 'abc');
  assert.equal(Buffer.from(digest).toString('hex').slice(0, 16), 'ba7816bf8f01cfea');
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await subtle.importKey('raw' as never, 'secret', algorithm, false as never, ['sign', 'verify'] as never);
  const signature = await subtle.sign('HMAC', key as never, 'data');
  assert.equal(await subtle.verify('HMAC', key as never, signature, 'data'), true);
  assert.equal(await subtle.verify('HMAC', key as never, signature, 'other'), false);
  const base = await subtle.importKey('raw' as never, 'password', 'PBKDF2', false as never, ['deriveBits'] as never);
  const bits = await subtle.deriveBits(
    { name: 'PBKDF2', hash: 'SHA-256', salt: 'salt', iterations: 1 },
    base as never,
    256 as never,
  );
  assert.equal(Buffer.from(bits).toString('hex').slice(0, 16), '120fb6cffcf8b32c');
});

test('zlib accepts njs options', () => {
  const { deflateRawSync, inflateRawSync, deflateSync, inflateSync } = scriptZlib as Record<
    string,
    (data: unknown, options?: unknown) => Buffer
  >;
  assert.ok(deflateRawSync && inflateRawSync && deflateSync && inflateSync);
  const raw = deflateRawSync('WAKA WAKA', { windowBits: -9, chunkSize: 1, dictionary: 'WAKA' });
  assert.equal(inflateRawSync(raw, { dictionary: 'WAKA', windowBits: -15 }).toString(), 'WAKA WAKA');
  assert.equal(inflateSync(deflateSync(new Uint8Array([97, 98]), { level: 9 })).toString(), 'ab');
  assert.throws(() => inflateSync('garbage'));
});
