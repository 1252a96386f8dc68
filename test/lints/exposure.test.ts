/** Severity of what is found about pages that everyone can reach. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../src/config/check.js';
import { lintAndProbe } from '../../src/lints/engine/run.js';
import { lints } from '../../src/lints/index.js';
import { modules } from '../../src/modules/index.js';

async function severities(listen: string, page: string): Promise<string[]> {
  const text = `events {} http { server { listen ${listen}; location /page/ { ${page}; } } }`;
  const { findings } = await lintAndProbe(check({ name: 'nginx.conf', text }, modules), lints, { directory: './' });
  return findings.filter(({ code }) => code === 'status-exposed').map(({ severity }) => severity);
}

test('a console that everyone can reach is a warning on each port and address', async () => {
  for (const listen of ['80', '8080', '192.168.0.1:8080']) {
    assert.deepEqual(await severities(listen, 'console'), ['warning'], listen);
    assert.deepEqual(await severities(listen, 'console control=on'), ['warning'], listen);
  }
  assert.deepEqual(await severities('127.0.0.1:8080', 'console'), []);
});

test('figures on a separate port or a private address are a hint, and a page that changes the state is a warning', async () => {
  for (const page of ['metrics', 'stub_status', 'api']) {
    assert.deepEqual(await severities('80', page), ['warning'], page);
    for (const listen of ['8080', '192.168.0.1:8080']) assert.deepEqual(await severities(listen, page), ['hint'], page);
  }
  assert.deepEqual(await severities('8080', 'api write=on'), ['warning']);
});
