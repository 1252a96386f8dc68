import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { command, Prefix } from '../cli/running.js';

const TEXT = readFileSync(join(fileURLToPath(new URL('../../../', import.meta.url)), 'docs/explain.md'), 'utf8');

/** The first block of a language. */
function block(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(TEXT)?.[1];
  assert.ok(found);
  return found;
}

function timeless(text: string): string {
  return text.replace(/Date: .*/g, 'Date');
}

test('docs/explain.md shows what the command prints', async (t) => {
  const prefix = new Prefix(t, '');
  prefix.write('f.conf', block('nginx'));
  const words = block('sh').trim().replaceAll("'", '').split(' ').slice(1);
  const { code, stdout } = await command(words, { cwd: prefix.path });
  assert.equal(code, 0);
  assert.equal(timeless(stdout), timeless(block('text')));
});
