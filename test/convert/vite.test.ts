import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../structure/sources.js';
import { VITE_CASES } from './cases/vite.js';
import { Comparison, type SourceProgram } from './comparison.js';

/** `node_modules` with Vite: of the project, or of the directory that `VITE` names; empty if there is none. */
function viteModules(): string {
  for (const directory of [process.env.VITE ?? '', ROOT]) {
    try {
      if (directory === '') continue;
      const path = createRequire(join(directory, 'package.json')).resolve('vite/package.json');
      return dirname(dirname(path));
    } catch {
      // Not there.
    }
  }
  return '';
}

const modules = viteModules();
const skip = modules === '' ? 'Vite is not installed; VITE=DIRECTORY names a project that has it' : false;

interface ViteServer {
  listen(): Promise<unknown>;
  close(): Promise<void>;
  readonly httpServer: { address(): { port: number } } | null;
}

class Vite implements SourceProgram {
  private server: ViteServer | null = null;
  private count = 0;

  async load(source: string, port: number, directory: string): Promise<number> {
    await this.close();
    const root = join(directory, `vite-${++this.count}`);
    mkdirSync(root, { recursive: true });
    if (!existsSync(join(root, 'node_modules'))) symlinkSync(modules, join(root, 'node_modules'));
    const isJson = /^\s*\{/.test(source);
    const file = join(root, 'vite.config.ts');
    writeFileSync(file, isJson ? `export default { server: { proxy: ${source} } }` : source);
    const { createServer } = (await import(pathToFileURL(join(modules, 'vite/dist/node/index.js')).href)) as {
      createServer(options: object): Promise<ViteServer>;
    };
    const server = await createServer({
      root,
      configFile: file,
      logLevel: 'silent',
      clearScreen: false,
      server: { port, host: '127.0.0.1', strictPort: true, hmr: false, watch: null, allowedHosts: true },
      optimizeDeps: { noDiscovery: true, include: [] },
    });
    this.server = server;
    await server.listen();
    return port;
  }

  async close(): Promise<void> {
    await this.server?.close();
    this.server = null;
  }
}

describe('tables of Vite', () => {
  const program = new Vite();
  let comparison: Comparison;

  before(async () => {
    if (skip !== false) return;
    comparison = await Comparison.start('vite', {
      request: {},
      response: {
        server: 'tsproxy names itself',
        vary: 'Vite adds fields for cross-origin requests to its own and proxied responses',
      },
      status: { 500: 502 },
    });
  });

  after(async () => {
    await program.close();
    await comparison?.close();
    if (modules !== '') rmSync(join(modules, '.vite-temp'), { recursive: true, force: true });
  });

  for (const one of VITE_CASES) {
    test(`through the converted file, ${one.name}`, { skip }, () => comparison.compare(one, program, 'vite.config.ts'));
  }
});
