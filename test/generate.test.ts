import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generate } from '../src/cli/generate.js';

test('the index of modules and the reference of directives match the declarations (npm run generate)', async () => {
  assert.deepEqual(await generate(true), []);
});
