/** The examples of `examples/`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkConfig, createProxy, type ReverseProxy } from '../src/index.js';
import { command } from './cli/running.js';
import { get } from './kit/index.js';
import { ROOT } from './structure/sources.js';

const EXAMPLES = join(ROOT, 'examples');

/** Starts the configuration of an example, changed by `edit`, on free ports. */
async function start(t: { after(fn: () => Promise<void>): void }, name: string, edit: (text: string) => string) {
  const prefix = join(EXAMPLES, name);
  const proxy = createProxy({ config: edit(readFileSync(join(prefix, 'nginx.conf'), 'utf8')), prefix });
  t.after(() => proxy.close());
  await proxy.start();
  return proxy;
}

function portsOf({ addresses }: ReverseProxy): number[] {
  return addresses.map((address) => Number(address.split(':').at(-1)));
}

test('the configurations of the examples are valid', async () => {
  for (const name of ['office-hours', 'own-balancer']) {
    const { code, stderr } = await command(['-t', '-p', join(EXAMPLES, name), '-c', 'nginx.conf']);
    assert.equal(code, 0, stderr);
  }
});

test('office-hours: its directive restricts access, and its variable has the hour', async (t) => {
  const hour = new Date().getUTCHours();
  const [open, closed] = hour >= 6 && hour < 18 ? ['0-24', '20-23'] : ['0-24', '8-16'];
  const proxy = await start(t, 'office-hours', () => {
    const location = (path: string, hours: string) =>
      `location ${path} { office_hours ${hours}; add_header Hour $hour_of_day; try_files /none =204; }`;
    return `load_module ./office-hours.js; events {} http { access_log off; server { listen 127.0.0.1:0;
      ${location('/open', open)} ${location('/closed', closed)} } }`;
  });
  const [port = 0] = portsOf(proxy);
  const answer = await get(port, '/open');
  assert.equal(answer.status, 204);
  assert.match(answer.field('hour') ?? '', /^\d+$/);
  assert.equal((await get(port, '/closed')).status, 403);
});

test('own-balancer: its method prefers the first of the idle servers', async (t) => {
  const proxy = await start(t, 'own-balancer', () => {
    return `load_module ./by-name.js; events {} http { access_log off;
      upstream backend { by_name; server 127.0.0.3:1 max_fails=0; server 127.0.0.2:1 max_fails=0; }
      server { listen 127.0.0.1:0; location / { proxy_pass http://backend; proxy_next_upstream off;
        error_page 502 =200 @tried; } location @tried { return 200 $upstream_addr; } } }`;
  });
  const [port = 0] = portsOf(proxy);
  for (let i = 0; i < 4; i++) assert.equal((await get(port)).body, '127.0.0.2:1');
});

test('embedded: the tests of the application pass', () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const file = join(EXAMPLES, 'embedded/proxy.test.js');
  const { status, stdout } = spawnSync(process.execPath, ['--test', file], { encoding: 'utf8', env });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /pass 2/);
});

test('checkConfig loads no module, and states so', () => {
  const { ok, findings } = checkConfig('load_module ./x.js;\nevents {}\nhttp { own on; }\n');
  assert.equal(ok, false);
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['module-not-loaded'],
  );
});
