/** The package, made of a copy of the checkout: packing changes `dist` for a moment. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './structure/sources.js';

const run = promisify(execFile);

/** Packs the built checkout into a directory; returns the path of the file. */
export async function packed(directory: string): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'tsproxy-checkout-'));
  try {
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly files: string[] };
    const names = files.filter((name) => !name.startsWith('!'));
    for (const name of [...names, 'package.json', 'pack.mjs', 'bundled-packages.mjs']) {
      const filter = (path: string): boolean => !/\.(map|cache)$/.test(path);
      cpSync(join(ROOT, name), join(copy, name), { recursive: true, filter });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    await run(process.execPath, ['pack.mjs', 'prepare'], { cwd: copy });
    const words = ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory];
    const { stdout } = await run('npm', words, { cwd: copy });
    return join(directory, stdout.trim());
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
