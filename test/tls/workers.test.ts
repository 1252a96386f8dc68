/** TLS with several worker processes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BINARY, freePort, launch, Prefix, serve } from '../cli/running.js';
import { certificateFor, certificates, connectTls, request, until, withoutOpenssl } from '../kit/index.js';

/** Connections until both of two workers were reached; each has one with overwhelming probability. */
const MAX_CONNECTIONS = 400;

describe('two worker processes', { skip: withoutOpenssl, timeout: 60_000 }, () => {
  test('keep the certificate at a reload whose files cannot be used, with one message', async (t) => {
    const port = await freePort();
    const prefix = new Prefix(
      t,
      `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes 2; events { }
      http {
        access_log off;
        server { listen 127.0.0.1:${port} ssl; ssl_certificate own.crt; ssl_certificate_key own.key; }
      }`,
    );
    const authority = certificates();
    const put = (file: string, name: string): void =>
      copyFileSync(join(authority.directory, name), join(prefix.path, file));
    put('own.crt', 'ec.crt');
    put('own.key', 'ec.key');
    const proxy = launch(t, prefix);
    await until('it serves', () => prefix.read('nginx.pid') !== '');
    const refusals = (): string[] => prefix.log.split('\n').filter((line) => line.includes('[emerg]'));
    for (const [spoil, message] of [
      [() => put('own.key', 'other.key'), /key values mismatch\) in /],
      [
        () => rmSync(join(prefix.path, 'own.key')),
        /cannot load certificate key ".*own\.key": BIO_new_file\(\) failed /,
      ],
      [() => mkdirSync(join(prefix.path, 'own.key')), /cannot load certificate key ".*own\.key": /],
    ] as const) {
      const before = refusals().length;
      spoil();
      proxy.signal('SIGHUP');
      await until('the refusal is logged', () => refusals().length > before);
      assert.equal(await certificateFor(port, 'x'), 'example.com');
      assert.equal(refusals().length, before + 1);
      assert.match(refusals()[before] ?? '', message);
    }
    assert.doesNotMatch(prefix.log, /generation 2 started/);
  });

  test('resume the sessions of each other by their identifiers, also after a reload', async (t) => {
    const port = await freePort();
    const C = certificates().directory;
    const proxy = await serve(
      t,
      `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes 2; events { }
      http {
        access_log off; ssl_session_cache shared:SSL:1m; ssl_session_tickets off; keepalive_timeout 0;
        server {
          listen 127.0.0.1:${port} ssl; ssl_certificate ${C}/ec.crt; ssl_certificate_key ${C}/ec.key;
          return 200 "$pid $ssl_session_reused";
        }
      }`,
    );
    const get = async (session?: Buffer): Promise<{ pid: string; reused: string; session: Buffer | undefined }> => {
      const client = await connectTls(port, { maxVersion: 'TLSv1.2', session });
      const { body } = await client.send(request('/')).answer();
      const [pid = '', reused = ''] = body.split(' ');
      const own = client.socket.getSession();
      client.close();
      return { pid, reused, session: own };
    };
    const first = await get();
    assert.equal(first.reused, '.');
    const resumeEverywhere = async (): Promise<void> => {
      const workers = new Set<string>();
      for (let i = 0; i < MAX_CONNECTIONS && workers.size < 2; i++) {
        const { pid, reused } = await get(first.session);
        assert.equal(reused, 'r');
        workers.add(pid);
      }
      assert.equal(workers.size, 2);
    };
    await resumeEverywhere();
    proxy.signal('SIGHUP');
    await until('both workers have reloaded', () => proxy.prefix.log.split('generation 2 started').length === 3);
    await resumeEverywhere();
  });
});

test('the start lists addresses with TLS as https', { skip: withoutOpenssl, timeout: 60_000 }, async (t) => {
  const C = certificates().directory;
  for (const workers of ['worker_processes 2;', 'master_process off;']) {
    const [port, plain] = [await freePort(), await freePort()];
    const prefix = new Prefix(
      t,
      `pid %%DIR%%/nginx.pid; ${workers} events { }
      http {
        access_log off; ssl_certificate ${C}/ec.crt; ssl_certificate_key ${C}/ec.key;
        server { listen 127.0.0.1:${port} ssl; listen 127.0.0.1:${plain}; }
      }`,
    );
    const child = spawn(process.execPath, [BINARY, ...prefix.words], { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(() => void child.kill('SIGKILL'));
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (output += part));
    await until('it listens', () => output.includes(`listening on http://127.0.0.1:${plain}\n`));
    assert.ok(output.includes(`listening on https://127.0.0.1:${port}\n`), output);
  }
});
