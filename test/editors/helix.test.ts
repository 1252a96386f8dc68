/** The configuration for Helix, `editors/helix`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DEFAULT_SETTINGS } from '../../src/lsp/settings.js';
import { command } from '../cli/running.js';

const TEXT = readFileSync(fileURLToPath(new URL('../../../editors/helix/languages.toml', import.meta.url)), 'utf8');
const helix = ['hx', 'helix'].find((name) => spawnSync(name, ['--version']).status === 0);

test('the configuration for Helix starts the server with settings that it has', async () => {
  const [, name, ...words] = /command = "(\w+)"\nargs = \["(\w+)", "(--\w+)"\]/.exec(TEXT) ?? [];
  assert.equal(name, 'tsproxy');
  assert.equal((await command([...words, '--help'])).code, 0);
  const settings = [...(/config = \{ (.*) \}/.exec(TEXT)?.[1]?.matchAll(/(\w+) =/g) ?? [])].map(([, key]) => key);
  assert.ok(settings.length > 0);
  for (const key of settings) assert.ok(Object.hasOwn(DEFAULT_SETTINGS, key ?? ''), key);
  for (const word of ['comment-token = "#"', 'language-servers = ["tsproxy"]']) assert.ok(TEXT.includes(word));
});

test('Helix finds the server', { skip: helix === undefined ? 'helix is not installed' : false }, (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-helix-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, '.config/helix'), { recursive: true });
  writeFileSync(join(directory, '.config/helix/languages.toml'), TEXT);
  const env = { ...process.env, HOME: directory, XDG_CONFIG_HOME: join(directory, '.config') };
  const { stdout } = spawnSync(helix ?? '', ['--health', 'nginx'], { env, encoding: 'utf8' });
  assert.match(stdout, /tsproxy/);
});
