/** A server without `listen`, in comparison with one that writes out the default. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../src/config/check.js';
import { difference } from '../../src/difference/difference.js';
import { modules } from '../../src/modules/index.js';

function changes(before: string, after: string): readonly unknown[] {
  const [one, other] = [before, after].map((server) => {
    const text = `events {} http { server { ${server} return 204; } }`;
    const { config } = check({ name: 'x', text }, modules);
    assert.ok(config);
    return config;
  });
  assert.ok(one && other);
  return difference(one, other, modules).changes;
}

test('the default of listen makes no difference when written out', () => {
  const port = process.getuid?.() === 0 ? 80 : 8000;
  assert.deepEqual(changes('', `listen ${port};`), []);
  assert.deepEqual(changes('', `listen *:${port} backlog=511;`), []);
  assert.notDeepEqual(changes('', `listen ${port} so_keepalive=on;`), []);
});
