/** Thousands of zones are checked and opened in linear time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../src/config/check.js';
import { modules } from '../../src/modules/index.js';
import { LocalBackend } from '../../src/zones/local-backend.js';

/** CPU time in µs of a call. */
function cpu(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Quadratic time would be 256 times as long. The least of three: what else the process does (compiling, collecting garbage) only adds. */
function least(work: () => void): number {
  return Math.min(cpu(work), cpu(work), cpu(work));
}

test('sixteen times as many limit_req_zone directives do not take a hundred times as long to check', () => {
  const text = (count: number) => {
    const zones = Array.from({ length: count }, (_, i) => `limit_req_zone $uri zone=z${i}:1m rate=1r/s;`);
    return `events { } http { ${zones.join('\n')} }`;
  };
  const time = (count: number) =>
    least(() => assert.deepEqual(check({ name: 'x', text: text(count) }, modules).findings, []));
  assert.ok(time(16_000) < 100 * time(1000));
});

test('sixteen times as many zones do not take a hundred times as long to open', () => {
  const time = (count: number) =>
    least(() => {
      const home = new LocalBackend();
      for (let i = 0; i < count; i++) home.open({ kind: 'limit_conn', name: `z${i}`, size: 32768, key: '$uri' });
    });
  assert.ok(time(16_000) < 100 * time(1000));
});
