/** docs/metrics.md lists exactly the metrics that exist. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FAMILIES } from '../../src/metrics/families.js';

const GUIDE = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');

test('the guide lists every metric with its type, labels and meaning', () => {
  const rows = GUIDE.split('\n').filter((line) => line.startsWith('| `tsproxy_'));
  const expected = FAMILIES.map(({ name, type, labels, help }) => {
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`;
  });
  assert.deepEqual(rows, expected);
});

test('names are conventional: base units, and the suffix _total for counters only', () => {
  for (const { name, type, labels, help } of FAMILIES) {
    assert.match(name, /^tsproxy_[a-z0-9]+(?:_[a-z0-9]+)*$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.doesNotMatch(name, /_(?:ms|milliseconds|kb|mb|percent)(?:_|$)/, name);
    for (const label of labels) assert.match(label, /^[a-z_]+$/, name);
    assert.match(help, /^[A-Z].*\.$/, name);
  }
  assert.equal(new Set(FAMILIES.map(({ name }) => name)).size, FAMILIES.length);
});
