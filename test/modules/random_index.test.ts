import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, startProxy } from '../kit/index.js';

test('a random file of the directory is sent, never a hidden one or a directory', async (t) => {
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0; location / { alias %%DIR%%/files/; random_index on; } }',
    {},
    { files: { 'files/a': 'a', 'files/b': 'b', 'files/c.html': 'c', 'files/.hidden': 'hidden', 'files/sub/x': 'x' } },
  );
  t.after(() => proxy.close());
  const seen = new Set<string>();
  for (let i = 0; i < 200 && seen.size < 3; i++) seen.add((await get(proxy.port)).body);
  assert.deepEqual([...seen].sort(), ['a', 'b', 'c']);
  assert.ok((await get(proxy.port, '/sub/')).body === 'x');
});
