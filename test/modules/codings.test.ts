/** Brotli, Zstandard, precompressed files, and the choice between codings; with curl as client. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it, test } from 'node:test';
import { promisify } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { compressorMemory } from '../../src/encoding/codec.js';
import { hasZstd } from '../../src/encoding/zlib-codecs.js';
import { checkConfig } from '../../src/index.js';
import { decoded, longestTurn, text } from '../encoding/bodies.js';
import { cutAt } from '../http1/splits.js';
import { type Backend, get, reply, scriptedBackend, startProxy, type TestProxy } from '../kit/index.js';

const run = promisify(execFile);
const withCoding = (value: string) => ({ fields: [`Accept-Encoding: ${value}`] });
const noZstd = hasZstd() ? false : 'this version of Node.js has no Zstandard';

/** Output of curl, or null if it is not installed. */
async function curl(...words: string[]): Promise<string | null> {
  try {
    const { stdout } = await run('curl', ['-sS', '--max-time', '20', ...words], {
      encoding: 'latin1',
      maxBuffer: 1 << 24,
    });
    return stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whether the installed curl decodes this coding. */
async function curlDecodes(feature: string): Promise<boolean> {
  return ((await curl('--version')) ?? '').includes(feature);
}

describe('codings', () => {
  let proxy: TestProxy;
  let backend: Backend;
  let pieces: readonly string[] = [];
  before(async () => {
    backend = await scriptedBackend(async (connection) => {
      for (;;) {
        const request = await connection.request();
        if (request === null) return;
        if (request.target === '/length') {
          connection.send(reply(pieces.join(''), { fields: ['Content-Type: text/html', 'ETag: "tag"'] }));
          continue;
        }
        connection.send('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n');
        for (const piece of pieces) connection.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
        connection.send('0\r\n\r\n');
      }
    });
    const levels = [0, 1, 5, 6, 9, 11].map(
      (level) =>
        `location /br${level} { brotli on; brotli_comp_level ${level}; proxy_pass http://127.0.0.1:%%BACKEND%%/; }`,
    );
    const zstd = [-7, 1, 3, 9, 15].map(
      (level) =>
        `location /zstd${level} { zstd on; zstd_comp_level ${level}; proxy_pass http://127.0.0.1:%%BACKEND%%/; }`,
    );
    proxy = await startProxy(
      `
      log_format ratio '$uri $brotli_ratio $brotli_time $zstd_ratio $gzip_ratio';
      access_log %%DIR%%/logs/access.log ratio;
      gzip_vary on;
      server {
        listen 127.0.0.1:0;
        ${levels.join('\n')}
        ${zstd.join('\n')}
        location /all { brotli on; zstd on; gzip on; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /length { brotli on; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /files/ {
          alias %%DIR%%/files/; brotli_static on; zstd_static on; gzip_static on; gzip on; gzip_types *;
        }
        location /always/ { alias %%DIR%%/files/; brotli_static always; }
        location /ssi { default_type text/html; ssi on; gzip on; gunzip on; return 200 '<!--#include virtual="/zipped" -->.'; }
        location /zipped { gunzip on; alias %%DIR%%/files/zipped; gzip_static always; }
      }`,
      { BACKEND: backend.port },
      {
        files: {
          'files/page.html': 'page '.repeat(10),
          'files/page.html.br': brotliCompressSync('brotli page').toString('latin1'),
          'files/page.html.gz': gzipSync('gzip page').toString('latin1'),
          'files/page.html.zst': 'Zstandard page',
          'files/plain.html': 'plain '.repeat(10),
          'files/zipped.gz': gzipSync(text(200_000)).toString('latin1'),
        },
      },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  it('of Brotli give the same body at each level, however it is split', async () => {
    const body = text(30_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(body.length), { maxLength: 20 }),
        fc.constantFrom(0, 1, 5, 6, 9, 11),
        async (places, level) => {
          pieces = cutAt(body, places);
          const answer = await get(proxy.port, `/br${level}`, withCoding('br'));
          assert.equal(answer.field('content-encoding'), 'br');
          assert.ok(decoded(answer) === body, `level ${level}`);
        },
      ),
      { numRuns: 40 },
    );
    assert.equal(compressorMemory().inUse, 0);
  });

  it('of Brotli at the highest level do not block other requests', async () => {
    pieces = [text(131_072)];
    const slow = Promise.all(Array.from({ length: 4 }, () => get(proxy.port, '/br11', withCoding('br'))));
    const slowest = await longestTurn(slow);
    for (const answer of await slow) assert.ok(decoded(answer) === pieces[0]);
    const lines = proxy.accessLog().filter((line) => line.startsWith('/br11'));
    const [, ratio, time] = lines.at(-1)?.split(' ') ?? [];
    assert.ok(
      Number(ratio) > 3 && Number(time) > slowest / 1000,
      `${time} s compressing, at most ${slowest} ms blocked`,
    );
  });

  it('of Brotli have a weak entity tag and no length', async () => {
    pieces = [text(5000)];
    const answer = await get(proxy.port, '/length', withCoding('br'));
    assert.equal(answer.field('etag'), 'W/"tag"');
    assert.equal(answer.field('content-length'), undefined);
    assert.equal(answer.field('vary'), 'Accept-Encoding');
    assert.equal(decoded(answer), pieces[0]);
  });

  it('are chosen in the order br, zstd, gzip, from those that the client accepts', async () => {
    pieces = [text(5000)];
    const second = hasZstd() ? 'zstd' : 'gzip';
    for (const [accepted, chosen] of [
      ['gzip, deflate, br, zstd', 'br'],
      ['gzip, br;q=0, zstd', second],
      ['gzip, zstd;q=0', 'gzip'],
      ['gzip;q=0', undefined],
      ['brotli, gzipped', undefined],
      ['br;q=0.1, gzip;q=1', 'br'],
    ] as const) {
      const answer = await get(proxy.port, '/all', withCoding(accepted));
      assert.equal(answer.field('content-encoding'), chosen, accepted);
      assert.equal(answer.field('vary'), 'Accept-Encoding');
    }
  });

  it('of precompressed files are chosen likewise; without a file, the file is compressed', async () => {
    for (const [accepted, chosen, body] of [
      ['gzip, br, zstd', 'br', 'brotli page'],
      ['gzip, zstd', 'zstd', 'Zstandard page'],
      ['gzip', 'gzip', 'gzip page'],
      ['identity', undefined, 'page '.repeat(10)],
    ] as const) {
      const answer = await get(proxy.port, '/files/page.html', withCoding(accepted));
      assert.equal(answer.field('content-encoding'), chosen);
      assert.equal(decoded(answer), body);
      assert.equal(answer.field('content-type'), 'text/html');
      assert.equal(answer.field('vary'), 'Accept-Encoding');
    }
    const plain = await get(proxy.port, '/files/plain.html', withCoding('gzip, br, zstd'));
    assert.equal(plain.field('content-encoding'), 'gzip');
    assert.equal(decoded(plain), 'plain '.repeat(10));
    assert.equal((await get(proxy.port, '/always/page.html')).field('content-encoding'), 'br');
  });

  it('of an included file are removed, and the page is compressed', async () => {
    const answer = await get(proxy.port, '/ssi', withCoding('gzip'));
    assert.equal(answer.field('content-encoding'), 'gzip');
    assert.ok(decoded(answer) === `${text(200_000)}.`);
    assert.ok((await get(proxy.port, '/ssi')).body === `${text(200_000)}.`);
  });

  it('are decoded by curl', async (t) => {
    pieces = [text(65_536), text(20_000, 7)];
    const url = `http://127.0.0.1:${proxy.port}`;
    const whole = pieces.join('');
    if ((await curl('--version')) === null) return t.skip('curl is not installed');
    assert.ok((await curl('--compressed', `${url}/all`)) === whole);
    assert.ok((await curl('-H', 'Accept-Encoding: gzip', '--compressed', `${url}/all`)) === whole);
    assert.match((await curl('-I', '--compressed', `${url}/all`)) ?? '', /^content-encoding: /im);
    if (await curlDecodes('brotli')) assert.ok((await curl('--compressed', `${url}/br5`)) === whole);
    return undefined;
  });

  it('of Zstandard are decoded by curl', { skip: noZstd }, async (t) => {
    if (!(await curlDecodes('zstd'))) return t.skip('curl with Zstandard is not installed');
    for (const level of [-7, 1, 3, 9, 15]) {
      for (const split of [[], [10, 40_000], [65_536]]) {
        pieces = cutAt(text(90_000), split);
        const url = `http://127.0.0.1:${proxy.port}/zstd${level}`;
        const fields = ['-H', 'Accept-Encoding: zstd'];
        assert.ok((await curl('--compressed', ...fields, url)) === pieces.join(''), `level ${level}`);
        assert.match((await curl('-D', '-', '-o', '/dev/null', ...fields, url)) ?? '', /^content-encoding: zstd/im);
      }
    }
    return undefined;
  });
});

test('a version of Node.js without Zstandard is a warning of -t, and responses are sent without it', {
  skip: noZstd === false && 'this version has it',
}, async (t) => {
  const config =
    "events { } http { zstd on; server { listen 127.0.0.1:0; location / { return 200 'aaaaaaaaaaaaaaaaaaaaaaaa'; } } }";
  const { ok, findings } = checkConfig(config);
  assert.ok(ok);
  assert.deepEqual(
    findings.map(({ severity, code }) => [severity, code]),
    [['warning', 'no-effect']],
  );
  const proxy = await startProxy(config);
  t.after(() => proxy.close());
  const answer = await get(proxy.port, '/', withCoding('zstd'));
  assert.equal(answer.field('content-encoding'), undefined);
  assert.equal(answer.body, 'a'.repeat(24));
});
