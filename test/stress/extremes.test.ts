/** Texts that are no configurations, by their size or in kind: each gives findings within bounded memory and time. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BINARY } from '../cli/running.js';
import { Random } from './random.js';

const MEGABYTE = 1_000_000;

/** Seconds of the processor that no text may take, and MiB of memory that it has to do with. */
const MOST_SECONDS = 40;
const MOST_MEMORY = 1400;

interface Outcome {
  readonly code: number | null;
  readonly stderr: string;
}

/** `-t` in a process of its own that has no more than that memory, and is ended by the kernel after that time. */
async function tested(t: { after(fn: () => void): void }, text: string): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-extreme-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, text, 'latin1');
  const words = [`--max-old-space-size=${MOST_MEMORY}`, BINARY, '-t', '-c', file];
  const child = spawn('/bin/sh', ['-c', `ulimit -t ${MOST_SECONDS}; exec "$@"`, 'sh', process.execPath, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('latin1')));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stderr };
}

const inHttp = (body: string) => `events { }\nhttp {\n${body}\n}\n`;

/** Description of a text, its generator, and the expected result. */
const EXTREMES: readonly (readonly [string, () => string, RegExp])[] = [
  [
    'ten megabytes of directives are taken',
    () => inHttp(`server { listen 127.0.0.1:0;\n${'add_header X-Name "some value of it";\n'.repeat(260_000)}}`),
    /test is successful\n$/,
  ],
  [
    'a line of a megabyte that is one word is refused for it',
    () => inHttp(`log_format long "${'x'.repeat(MEGABYTE)}";`),
    /too long parameter/,
  ],
  [
    'a line of a megabyte of words is judged',
    () => inHttp(`server { listen 127.0.0.1:0; server_name ${'a.example '.repeat(MEGABYTE / 10)}; }`),
    /test is successful\n$/,
  ],
  [
    'ten thousand nested blocks are refused',
    () => inHttp(`server {\n${'location / {\n'.repeat(10_000)}${'}\n'.repeat(10_001)}`),
    /\[emerg\] blocks nest more than 500 deep/,
  ],
  [
    'a million directives that are wrong are said',
    () => inHttp('sendfile on;\n'.repeat(MEGABYTE)),
    /the first 1000 of/,
  ],
  [
    'a million entries are taken',
    () => inHttp(`map $host $a {\n${Array.from({ length: MEGABYTE }, (_, i) => `k${i} ${i};\n`).join('')}}`),
    /test is successful\n$/,
  ],
  [
    'ten megabytes of random bytes are findings',
    () => new Random(1).bytes(10 * MEGABYTE).toString('latin1'),
    /\d+ errors?/,
  ],
  ...['{', '"', 'a{}'].map(
    (text) =>
      [
        `ten megabytes of ${text} are refused as too long`,
        () => text.repeat((10 * MEGABYTE) / text.length),
        /makes the configuration longer than 4000000 words/,
      ] as const,
  ),
  ...['a', '\0'].map(
    (text) =>
      [
        `ten megabytes of ${JSON.stringify(text)} are one word that is too long`,
        () => text.repeat(10 * MEGABYTE),
        /too long parameter/,
      ] as const,
  ),
];

for (const [name, text, said] of EXTREMES) {
  test(name, async (t) => {
    const { code, stderr } = await tested(t, text());
    assert.match(stderr.slice(-500_000), said);
    assert.ok(code === 0 || code === 1, `ended with ${code}: ${stderr.slice(0, 2000)}`);
    assert.equal(code, stderr.endsWith('test is successful\n') ? 0 : 1);
    assert.ok(stderr.length < MEGABYTE);
  });
}
