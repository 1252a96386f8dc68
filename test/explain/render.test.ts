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

test('of very many servers and expressions some are shown', async () => {
  const servers = Array.from({ length: 30 }, (_, i) => `server { listen 80; server_name s${i}; return 200; }`).join(
    ' ',
  );
  const patterns = Array.from({ length: 50 }, (_, i) => `location ~ x${i}$ { return 200; }`).join(' ');
  const config = `events {} http { ${servers} server { listen 80; server_name h; location / { return 200; } ${patterns} } }`;
  const text = renderExplanation(await explain(config, 'http://h/'));
  assert.match(text, /^ +not 20 more$/m);
  assert.match(text, /^ +30 more do not match, or are not tried$/m);
});
