/** Texts that are no configurations, by their size or in kind, and `-t` of them within bounded memory and time. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY } from '../cli/running.js';
import { Random } from './random.js';

const MEGABYTE = 1_000_000;

/** Seconds of the processor that no text may take, and MiB of memory that it has to do with. */
const MOST_SECONDS = 40;
const MOST_MEMORY = 1400;

const inHttp = (body: string): string => `events { }\nhttp {\n${body}\n}\n`;

/** A text of a kind, and the expected output of `-t`. */
export interface Extreme {
  readonly name: string;
  /** The text; `scale` 1 is the full size, about ten megabytes or a million lines. */
  text(scale: number): string;
  readonly output: RegExp;
}

export const EXTREMES: readonly Extreme[] = [
  {
    name: 'megabytes of directives are taken',
    text: (scale) =>
      inHttp(`server { listen 127.0.0.1:0;\n${'add_header X-Name "some value of it";\n'.repeat(260_000 * scale)}}`),
    output: /test is successful\n$/,
  },
  {
    name: 'a line of a megabyte that is one word is refused for it',
    text: () => inHttp(`log_format long "${'x'.repeat(MEGABYTE)}";`),
    output: /too long parameter/,
  },
  {
    name: 'a line of a megabyte of words is judged',
    text: () => inHttp(`server { listen 127.0.0.1:0; server_name ${'a.example '.repeat(MEGABYTE / 10)}; }`),
    output: /test is successful\n$/,
  },
  {
    name: 'ten thousand nested blocks are refused',
    text: () => inHttp(`server {\n${'location / {\n'.repeat(10_000)}${'}\n'.repeat(10_001)}`),
    output: /\[emerg\] blocks nest more than 500 deep/,
  },
  {
    name: 'unterminated invalid directives are reported',
    text: (scale) => inHttp('sendfile on;\n'.repeat(MEGABYTE * scale)),
    output: /"sendfile" directive is duplicate.* = also: [^\n]* and \d+ more\n/s,
  },
  {
    name: 'entries without end are taken',
    text: (scale) =>
      inHttp(`map $host $a {\n${Array.from({ length: MEGABYTE * scale }, (_, i) => `k${i} ${i};\n`).join('')}}`),
    output: /test is successful\n$/,
  },
  {
    name: 'megabytes of random bytes are findings',
    text: (scale) => new Random(1).bytes(10 * MEGABYTE * scale).toString('latin1'),
    output: /\d+ errors?/,
  },
  // Fewer pieces are no more than 4,000,000 words.
  ...(
    [
      ['{', 4_100_000],
      ['"', 8_200_000],
      ['a{}', 1_400_000],
    ] as const
  ).map(([piece, fewest]) => ({
    name: `megabytes of ${piece} are refused as too long`,
    text: (scale: number) => piece.repeat(Math.max(fewest, (10 * MEGABYTE * scale) / piece.length)),
    output: /makes the configuration longer than 4000000 words/,
  })),
  ...['a', '\0'].map((piece) => ({
    name: `megabytes of ${JSON.stringify(piece)} are one word that is too long`,
    text: (scale: number) => piece.repeat(10 * MEGABYTE * scale),
    output: /too long parameter/,
  })),
];

/** Runs `-t` in a process of its own that has no more than that memory, and is ended by the kernel after that time. */
export async function judgeExtreme({ text, output }: Extreme, scale: number, directory: string): Promise<void> {
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, text(scale), 'latin1');
  const words = [`--max-old-space-size=${MOST_MEMORY}`, BINARY, '-t', '-c', file];
  const child = spawn('/bin/sh', ['-c', `ulimit -t ${MOST_SECONDS}; exec "$@"`, 'sh', process.execPath, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('latin1')));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  assert.match(stderr.slice(-500_000), output);
  assert.ok(code === 0 || code === 1, `ended with ${code}: ${stderr.slice(0, 2000)}`);
  assert.equal(code, stderr.endsWith('test is successful\n') ? 0 : 1);
  assert.ok(stderr.length < MEGABYTE);
}
