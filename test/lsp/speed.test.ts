import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longConfiguration, quantile, typeIn } from './typing.js';

test('each keystroke in a file of 2,000 lines is answered soon', async (t) => {
  assert.ok(longConfiguration().split('\n').length > 1980);
  const { completion, diagnostics } = await typeIn(t, 60);
  // bench/lsp.ts measures the limit, 50 ms for 95 %; tests share the machine with others.
  assert.ok(quantile(completion, 0.5) < 1000, `completion: ${completion}`);
  assert.ok(quantile(diagnostics, 0.5) < 1000, `diagnostics: ${diagnostics}`);
});
