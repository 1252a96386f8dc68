import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generate } from '../src/cli/generate.js';

test('the index of modules and the reference of directives are as the declarations say (npm run generate)', async () => {
  assert.deepEqual(await generate(true), []);
});
