/**
 * The commands of the guides print what the guides show. In a guide, a block `nginx` is a configuration, with which the proxy is
 * started or reloaded; a block with a file name is a file; in a block `console`, lines after `$ ` are run by a shell, and the
 * others are their output.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { closedPort, startProxy, type TestProxy } from './kit/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const GUIDES = [
  'tls',
  'authentication',
  'circuit-breakers',
  'cors',
  'api',
  'api-keys',
  'compression',
  'tls-upstreams',
  'grpc',
  'client-identity',
  'moving-from-nginx',
  'sse',
  'stickiness',
  'health-checks',
  'logs',
  'metrics',
  'tracing',
  'cache',
];
const missing = ['/usr/bin/curl', '/usr/bin/openssl'].find((path) => !existsSync(path));
const skip = missing === undefined ? false : `${missing} is not installed`;

interface Block {
  readonly kind: string;
  /** Name of a file; empty for none. */
  readonly file: string;
  readonly text: string;
}

function blocksOf(guide: string): Block[] {
  const text = readFileSync(join(ROOT, 'docs', `${guide}.md`), 'utf8');
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(([, kind = '', file = '', content = '']) => {
    return { kind, file, text: content };
  });
}

/** Replaces the ports of a guide by free ones; the same port by the same one. */
class Ports {
  private readonly ports = new Map<string, number>();
  async replace(text: string): Promise<string> {
    for (const [, port = ''] of text.matchAll(/127\.0\.0\.1:(\d+)/g)) {
      if (!this.ports.has(port)) this.ports.set(port, await closedPort());
    }
    return text.replace(/127\.0\.0\.1:(\d+)/g, (_, port: string) => `127.0.0.1:${this.ports.get(port)}`);
  }
  /** The guide's ports in a text with real ones. */
  restore(text: string): string {
    let restored = text;
    for (const [port, real] of this.ports) restored = restored.replaceAll(`127.0.0.1:${real}`, `127.0.0.1:${port}`);
    return restored;
  }
}

async function outputOf(command: string, cwd: string): Promise<string> {
  const env = { ...process.env, PATH: `${join(ROOT, 'bin')}:${process.env.PATH}` };
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], { cwd, env });
  // Guides show the usual directory.
  return stdout.replaceAll('\r', '').replaceAll(`${cwd}/`, '/etc/nginx/');
}

// Commands of guides wait for one another, and for timers of the proxy.
describe('a guide', { concurrency: 3 }, () => {
  for (const guide of GUIDES) {
    test(`the commands in docs/${guide}.md print what it shows`, { skip }, async (t) => {
      // Started at once for its directory; the configurations of the guide follow.
      const proxy: TestProxy = await startProxy('server { listen 127.0.0.1:0; }');
      t.after(() => proxy.close());
      const ports = new Ports();
      let commands = 0;
      for (const { kind, file, text } of blocksOf(guide)) {
        if (file !== '')
          writeFileSync(join(proxy.directory, file), kind === 'nginx' ? await ports.replace(text) : text);
        else if (kind === 'nginx') await proxy.reload(await ports.replace(text));
        else if (kind === 'console') {
          for (const step of text.split(/^\$ /m).slice(1)) {
            const [command = '', ...expected] = step.split('\n');
            const printed = await outputOf(await ports.replace(command), proxy.directory);
            assert.equal(ports.restore(printed), expected.join('\n'), command);
            commands++;
          }
        }
      }
      assert.ok(commands > 0);
    });
  }
});
