/** Long work gives way to what arrives meanwhile. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { check } from '../../src/config/check.js';
import type { CheckedConfig } from '../../src/config/checked-config.js';
import { modules } from '../../src/modules/index.js';
import { decodeConfig, encodeConfig } from '../../src/process/config-pieces.js';
import { checkInSlices } from '../../src/process/configuration.js';
import { describeReload } from '../../src/process/reload-description.js';
import { compileRoutingTable } from '../../src/program/compiler.js';

const SERVERS = 40;

function text(): string {
  const servers = Array.from(
    { length: SERVERS },
    (_, i) => `
    map $uri $mapped_${i} { default x; }
    upstream app_${i} { server 127.0.0.1:${9000 + i}; }
    server {
      listen 127.0.0.1:8000;
      server_name s${i}.example.com;
      location / { proxy_pass http://app_${i}; if ($mapped_${i}) { return 404; } location /inner { return 200; } }
      location ~ x$ { limit_except GET { deny all; } }
    }`,
  );
  return `events {}\nhttp { proxy_set_header X-Shared $host; proxy_hide_header X-Shared; ${servers.join('')} }`;
}

function configuration(): CheckedConfig {
  const { config, findings } = check({ name: 'test', text: text() }, modules);
  assert.ok(config, findings[0]?.message);
  return config;
}

/** Turns of the event loop while it works, where every look at the clock finds that the time is up. */
async function turns(t: TestContext, work: () => Promise<unknown>): Promise<number> {
  let now = 0;
  const clock = t.mock.method(performance, 'now', () => (now += 1000));
  let count = 0;
  let working = true;
  const turn = () => {
    if (!working) return;
    count++;
    setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  working = false;
  clock.mock.restore();
  return count;
}

test('a reload is checked, and compared with what is in force, in slices', async (t) => {
  const source = { name: 'test', text: text(), prefix: '/nonexistent/' };
  const checking = await turns(t, () => checkInSlices(source, modules));
  assert.ok(checking >= 4 * SERVERS, `${checking} turns`);
  const result = await checkInSlices(source, modules);
  assert.deepEqual(result.config, check({ name: 'test', text: source.text }, modules, source).config);
  const [before, after] = [configuration(), configuration()];
  const comparing = await turns(t, () => describeReload(before, after, modules));
  assert.ok(comparing >= 4 * SERVERS, `${comparing} turns`);
});

test('a table is compiled in slices: between servers, locations, maps and upstreams', async (t) => {
  const config = configuration();
  const errorLog = { threshold: -1, write: () => {} };
  const count = await turns(t, () => compileRoutingTable(config, modules, { errorLog, prefix: '/nonexistent/' }));
  assert.ok(count >= 6 * SERVERS, `${count} turns`);
});

test('a configuration is encoded and decoded in slices', async (t) => {
  const config = configuration();
  let encoded: Buffer = Buffer.alloc(0);
  const encoding = await turns(t, async () => {
    encoded = await encodeConfig(config);
  });
  const decoding = await turns(t, () => decodeConfig(encoded));
  for (const count of [encoding, decoding]) assert.ok(count >= 4 * SERVERS, `${count} turns`);
});

test('a decoded configuration is the same, and its blocks share what they shared', async () => {
  const config = configuration();
  const decoded = await decodeConfig(await encodeConfig(config));
  assert.deepEqual(decoded, config);
  const servers = (of: CheckedConfig) =>
    of.blocks.find(({ context }) => context === 'http')?.blocks.filter(({ directive }) => directive === 'server') ?? [];
  const [first, second] = servers(decoded);
  const [before] = servers(config);
  const shared = Object.keys(first?.values ?? {}).filter((name) => typeof first?.values[name] === 'object');
  assert.ok(shared.includes('proxy_set_header'));
  assert.equal(before?.values.proxy_set_header, servers(config)[1]?.values.proxy_set_header);
  assert.equal(first?.values.proxy_set_header, second?.values.proxy_set_header);
  assert.equal(first?.values.proxy_set_header, first?.blocks[0]?.values.proxy_set_header);
});
