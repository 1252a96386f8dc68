import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderExplanation } from '../../src/explain/render.js';
import { explain } from '../../src/index.js';

const CONFIG = `events {} http { server { listen 80; location / { proxy_pass http://127.0.0.1:1; add_header X-A $arg_a; } } }`;

test('colours are there where they are asked for, and change nothing else', async () => {
  const explanation = await explain(CONFIG, '/');
  const plain = renderExplanation(explanation);
  const coloured = renderExplanation(explanation, { color: true });
  assert.ok(!plain.includes('\x1b'));
  assert.notEqual(coloured, plain);
  assert.equal(coloured.replace(/\x1b\[\d+m/g, ''), plain);
});

test('control characters of a request do not reach the terminal', async () => {
  const text = renderExplanation(await explain(CONFIG, '/%1b%5bx?a=b'));
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  assert.match(text, /a location for \/·\[x/);
});
