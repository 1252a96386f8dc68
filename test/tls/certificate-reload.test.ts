import assert from 'node:assert/strict';
import { copyFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, launch, Prefix } from '../cli/running.js';
import { certificateFor, certificates, startProxy, type TestProxy, until, withoutOpenssl } from '../kit/index.js';

describe('ssl_certificate_reload', { skip: withoutOpenssl, timeout: 60_000 }, () => {
  const authority = certificates();

  const start = async (t: TestContext, value = '20ms'): Promise<TestProxy> => {
    const proxy = await startProxy(
      `ssl_certificate_reload ${value};
      server { listen 127.0.0.1:0 ssl; ssl_certificate own.crt; ssl_certificate_key own.key; }`,
      {},
      { files: { 'own.crt': authority.read('ec.crt'), 'own.key': authority.read('ec.key') } },
    );
    t.after(() => proxy.close());
    return proxy;
  };
  /** Waits until new connections get a certificate. */
  const served = async (port: number, name: string): Promise<void> => {
    while ((await certificateFor(port, 'x')) !== name) await pause(10);
  };
  const replace = (directory: string, name: string): void => {
    for (const ending of ['crt', 'key']) {
      copyFileSync(join(authority.directory, `${name}.${ending}`), join(directory, `own.${ending}`));
    }
  };

  test('a certificate that was replaced is used for new connections', async (t) => {
    const proxy = await start(t);
    assert.equal(await certificateFor(proxy.port, 'x'), 'example.com');
    replace(proxy.directory, 'other');
    await served(proxy.port, 'other.example');
    assert.deepEqual(proxy.messages('emerg'), []);
    assert.ok(proxy.messages('notice').some((line) => /own\.(crt|key)" changed, reloading files$/.test(line)));
    replace(proxy.directory, 'ec');
    await served(proxy.port, 'example.com');
  });

  test('a file that is replaced by renaming, or removed and created again, is used', async (t) => {
    const proxy = await start(t);
    const own = (name: string): string => join(proxy.directory, name);
    for (const ending of ['crt', 'key']) {
      copyFileSync(join(authority.directory, `other.${ending}`), own(`new.${ending}`));
      renameSync(own(`new.${ending}`), own(`own.${ending}`));
    }
    await served(proxy.port, 'other.example');
    for (const ending of ['crt', 'key']) {
      unlinkSync(own(`own.${ending}`));
      symlinkSync(join(authority.directory, `ec.${ending}`), own(`own.${ending}`));
    }
    await served(proxy.port, 'example.com');
  });

  test('files that cannot be used are logged once, and the previous ones stay in use until the next change', async (t) => {
    const proxy = await start(t);
    const own = (name: string): string => join(proxy.directory, name);
    for (const [spoil, message] of [
      [() => writeFileSync(own('own.crt'), 'garbage'), /^cannot load certificate ".*own.crt": .*no start line/],
      [() => copyFileSync(authority.crt('other'), own('own.crt')), /key values mismatch/],
      [() => rmSync(own('own.key')), /^cannot load certificate key ".*own.key": .*No such file/],
    ] as const) {
      const before = proxy.messages('emerg').length;
      spoil();
      await until('the failure is logged', () => proxy.messages('emerg').length > before);
      assert.match(proxy.messages('emerg')[before] ?? '', message);
      // Several intervals later nothing more is logged.
      await pause(150);
      assert.equal(proxy.messages('emerg').length, before + 1);
      assert.equal(await certificateFor(proxy.port, 'x'), 'example.com');
    }
    replace(proxy.directory, 'other');
    await served(proxy.port, 'other.example');
  });

  test('off, the default, watches nothing', async (t) => {
    const proxy = await start(t, 'off');
    replace(proxy.directory, 'other');
    await pause(150);
    assert.equal(await certificateFor(proxy.port, 'x'), 'example.com');
    assert.equal(proxy.proxy.status.generation, 1);
  });

  test('a configuration file that was changed meanwhile is not read', async (t) => {
    const port = await freePort();
    const text = (
      more = '',
    ): string => `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes 2; events { }
      http {
        access_log off; ssl_certificate_reload 20ms;
        server { listen 127.0.0.1:${port} ssl; ssl_certificate own.crt; ssl_certificate_key own.key; }
        ${more}
      }`;
    const prefix = new Prefix(t, text());
    replace(prefix.path, 'ec');
    const proxy = launch(t, prefix);
    await proxy.logged(/generation 1 started/);
    await until('it is ready', () => prefix.read('nginx.pid') !== '');
    prefix.write('nginx.conf', text('nonsense;'));
    replace(prefix.path, 'other');
    await served(port, 'other.example');
    await until('both workers have it', () => prefix.log.split('generation 2 started').length === 3);
    assert.doesNotMatch(prefix.log, /nonsense|\[emerg\]/);
    assert.equal(await certificateFor(port, 'x'), 'other.example');
  });
});
