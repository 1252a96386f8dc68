import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { closedPort } from '../kit/index.js';
import { CADDY_CASES } from './cases/caddy.js';
import { Comparison, type SourceProgram } from './comparison.js';
import { SourceProcess } from './source-process.js';

function isInstalled(): boolean {
  try {
    execFileSync('caddy', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const skip = isInstalled() ? false : 'caddy is not installed';

/** One process; each case replaces its configuration through the API. */
class Caddy implements SourceProgram {
  private constructor(
    private readonly process: SourceProcess,
    private readonly admin: number,
  ) {}

  static async start(): Promise<Caddy> {
    const admin = await closedPort();
    const started = await SourceProcess.start(async (home) => {
      const file = join(home, 'Caddyfile');
      writeFileSync(file, `{\n\tadmin 127.0.0.1:${admin}\n}\n`);
      const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
      const words = ['run', '--config', file, '--adapter', 'caddyfile'];
      return { command: 'caddy', words, port: admin, options: { cwd: home, env } };
    });
    return new Caddy(started, admin);
  }

  async load(source: string, port: number): Promise<number> {
    const options = `admin 127.0.0.1:${this.admin}\n`;
    // Every case has ports of its own, also for redirects.
    const text = /^\s*\{\s*\n/.test(source)
      ? source.replace(/\{\s*\n/, (opening) => `${opening}${options}`)
      : `{\n${options}http_port ${await closedPort()}\nhttps_port ${await closedPort()}\n}\n${source}`;
    const message = await new Promise<string>((resolve, reject) => {
      const load = request({
        host: '127.0.0.1',
        port: this.admin,
        path: '/load',
        method: 'POST',
        headers: { 'Content-Type': 'text/caddyfile' },
        timeout: 10_000,
      });
      load.on('timeout', () => load.destroy(new Error('Caddy does not respond')));
      load.on('error', reject);
      load.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => (body += part));
        response.on('end', () => resolve(response.statusCode === 200 ? '' : body));
      });
      load.end(text);
    });
    if (message !== '') throw new Error(`Caddy refuses the source: ${message}\n${text}`);
    return port;
  }

  close(): Promise<void> {
    return this.process.close();
  }
}

describe('Caddyfiles', () => {
  let program: Caddy;
  let comparison: Comparison;

  before(async () => {
    if (skip !== false) return;
    program = await Caddy.start();
    comparison = await Comparison.start('caddy', {
      request: {
        'accept-encoding': "Go's client asks for gzip if the request does not",
        'x-forwarded-for': 'compared by the case about it',
      },
      response: {
        server: 'each program names itself',
        'alt-svc': 'Caddy announces HTTP/3',
        etag: 'each program has its own form',
        'last-modified': 'times of the same file',
        'accept-ranges': 'tsproxy announces ranges of files in more cases',
        vary: 'written where a coding is possible, by Caddy also for other responses',
      },
    });
  });

  after(async () => {
    await program?.close();
    await comparison?.close();
  });

  for (const one of CADDY_CASES) {
    test(`through the converted file, ${one.name}`, { skip }, () => comparison.compare(one, program, 'Caddyfile'));
  }
});
