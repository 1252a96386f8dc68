import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../src/config/check.js';
import { modules } from '../../src/modules/index.js';
import { compileRoutingTable } from '../../src/program/compiler.js';
import { LocationTree } from '../../src/routing/location-tree.js';
import { ServerNames } from '../../src/routing/server-names.js';

test('a table that is to serve has nothing of an observer in it', async () => {
  const { config } = check(
    {
      name: 'x',
      text: 'events {} http { access_log off; server { listen 127.0.0.1:0; location /a { return 200; } } }',
    },
    modules,
  );
  assert.ok(config);
  const errorLog = { threshold: -1, write: () => {} };
  const { listeners, shared } = await compileRoutingTable(config, modules, { errorLog, prefix: '/' });
  const program = listeners[0]?.program;
  assert.ok(program);
  const { defaultServer, names } = program;
  assert.equal(defaultServer.observer, null);
  assert.equal(Object.getPrototypeOf(defaultServer.locations), LocationTree.prototype);
  assert.equal(Object.getPrototypeOf(names), ServerNames.prototype);
  shared.close([]);
});
