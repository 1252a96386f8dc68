import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { closedPort } from '../kit/index.js';
import { HAPROXY_CASES } from './cases/haproxy.js';
import { Comparison, type SourceProgram } from './comparison.js';
import { SourceProcess } from './source-process.js';

/** Paths of the program, which are not in the PATH of unprivileged users on Debian. */
const HAPROXY = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'].find((path) => existsSync(path));
const skip = HAPROXY === undefined ? 'haproxy is not installed' : false;

/** One process for all cases, each in a file of its own: their sections have different names. */
class Haproxy implements SourceProgram {
  private constructor(
    private readonly process: SourceProcess,
    private readonly ports: ReadonlyMap<string, number>,
  ) {}

  /** @param fill a source with the ports of the back ends, and that of the proxy */
  static async start(fill: (source: string, port: number) => string): Promise<Haproxy> {
    const ports = new Map<string, number>();
    const started = await SourceProcess.start(async (directory) => {
      const files: string[] = [];
      for (const { name, source } of HAPROXY_CASES) {
        const port = await closedPort();
        const file = join(directory, `${files.length}.cfg`);
        writeFileSync(file, fill(source, port));
        ports.set(name, port);
        files.push(file);
      }
      const words = files.flatMap((file) => ['-f', file]);
      const { status, stderr } = spawnSync(HAPROXY ?? '', ['-c', ...words], { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      return { command: HAPROXY ?? '', words: ['-db', ...words], port: [...ports.values()].at(-1) ?? 0 };
    });
    return new Haproxy(started, ports);
  }

  load(_source: string, _port: number, _directory: string, name: string): Promise<number> {
    return Promise.resolve(this.ports.get(name) ?? 0);
  }

  close(): Promise<void> {
    return this.process.close();
  }
}

describe('configurations of HAProxy', () => {
  let program: Haproxy;
  let comparison: Comparison;

  before(async () => {
    if (skip !== false) return;
    comparison = await Comparison.start('haproxy', {
      request: {},
      response: { server: 'tsproxy names itself' },
    });
    program = await Haproxy.start((source, port) => comparison.filled(source, port));
  });

  after(async () => {
    await program?.close();
    await comparison?.close();
  });

  for (const one of HAPROXY_CASES) {
    test(`through the converted file, ${one.name}`, { skip }, () => comparison.compare(one, program, 'haproxy.cfg'));
  }
});
