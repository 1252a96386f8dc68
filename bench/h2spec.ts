/**
 * Conformance of HTTP/2 as checked by h2spec, over clear text and over TLS, in front of an upstream: request bodies are read.
 *
 *   node dist/bench/h2spec.js [--program h2spec] [--strict] [--nginx] [section ...]
 *
 * `--program`: path of h2spec; otherwise that in `H2SPEC` or on the path. `--nginx`: nginx is checked as well. `section`: only
 * these sections, such as `http2/5.1`. Prints the failed cases. Exits with 1 if fewer than 145 cases of a complete run pass.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { certificates, closedPort } from '../test/kit/index.js';
import { program } from './peers.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';

const { values, positionals: sections } = parseArgs({
  allowPositionals: true,
  options: {
    program: { type: 'string' },
    strict: { type: 'boolean', default: false },
    nginx: { type: 'boolean', default: false },
  },
});
/** Cases that must pass, of the 146 without `--strict`. */
const REQUIRED = 145;
/** Body of the response, larger than the initial window. */
const BODY = 'a'.repeat(200_000);

const binary = values.program ?? process.env.H2SPEC ?? program('h2spec');
const print = (text: string): void => void process.stdout.write(`${text}\n`);

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly output: string;
}

function run(port: number, tls: boolean): Promise<Outcome> {
  const words = ['-h', '127.0.0.1', '-p', String(port), '-o', '3', ...(tls ? ['-t', '-k'] : []), ...sections];
  if (values.strict) words.unshift('--strict');
  const child = spawn(binary ?? 'h2spec', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      const totals = /(\d+) passed, \d+ skipped, (\d+) failed/.exec(output);
      if (totals === null) reject(new Error(output.slice(-2000)));
      else resolve({ passed: Number(totals[1]), failed: Number(totals[2]), output });
    });
  });
}

async function check(name: ProxyName, directory: string): Promise<boolean> {
  mkdirSync(join(directory, 'html'), { recursive: true });
  writeFileSync(join(directory, 'html', 'index.html'), BODY);
  const [plain, tls, backEnd] = [await closedPort(), await closedPort(), await closedPort()];
  const certificate = certificates();
  const text = `worker_processes 1; events {} http { access_log off; server { listen 127.0.0.1:${plain};
    listen 127.0.0.1:${tls} ssl; http2 on; ssl_certificate ${certificate.directory}/ec.crt;
    ssl_certificate_key ${certificate.directory}/ec.key; location / { proxy_pass http://127.0.0.1:${backEnd}; } }
    server { listen 127.0.0.1:${backEnd}; root html; } }`;
  const proxy = await ProxyProcess.start(text, directory, name);
  let sufficient = true;
  try {
    for (const [port, kind] of [
      [plain, 'clear text'],
      [tls, 'TLS'],
    ] as const) {
      const { passed, failed, output } = await run(port, kind === 'TLS');
      print(`${name}, ${kind}: ${passed} of ${passed + failed} passed`);
      const at = output.indexOf('Failures:');
      if (failed > 0 && at >= 0) print(output.slice(at));
      if (sections.length === 0 && passed < REQUIRED) sufficient = false;
    }
  } finally {
    await proxy.stop();
  }
  for (const failure of proxy.failures) print(failure);
  return sufficient && proxy.failures.length === 0;
}

if (binary === null) print('h2spec is not installed: name it with --program');
else {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-h2spec-'));
  try {
    if (values.nginx) await check('nginx', join(directory, 'nginx'));
    if (!(await check('tsproxy', join(directory, 'tsproxy')))) process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
