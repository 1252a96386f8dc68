/**
 * The packed program in a project with Vite and vitest: the middleware in the development server, and `tsproxy/testing`.
 *
 *   node dist/bench/vite.js
 *
 * Installs both from the registry into a temporary directory. Exits with 1 if one of them fails.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'tsproxy-vite-'));

function run(command: string, words: readonly string[], cwd: string): string {
  return execFileSync(command, words, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

try {
  cpSync(join(root, 'bench/vite'), project, { recursive: true });
  const packed = run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', project], root);
  run('npm', ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', `./${packed}`], project);
  run(process.execPath, ['dev-server.mjs'], project);
  process.stdout.write('Vite: requests, updates and a proxied WebSocket pass\n');
  run('npx', ['vitest', 'run'], project);
  process.stdout.write('vitest: tests of scripts pass\n');
} finally {
  rmSync(project, { recursive: true, force: true });
}
