/** Every case is put to Debian's nginx and to tsproxy, and the answers are compared. Skipped where there is no nginx. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { groups } from './cases/index.js';
import { differences } from './compare.js';
import { unavailable } from './nginx.js';
import { type Oracle, startOracle } from './oracle.js';

describe('nginx and tsproxy answer alike', { skip: unavailable }, () => {
  for (const group of groups) {
    describe(group.name, () => {
      let oracle: Oracle | undefined;
      before(async () => {
        oracle = await startOracle(group);
      });
      after(() => oracle?.close());
      for (const { name, send, known, ignore } of group.cases) {
        it(name, async () => {
          const { nginx, tsproxy } = await started(oracle).ask(send);
          const found = differences(nginx, tsproxy, ignore);
          if (known === undefined) assert.equal(found.join('\n'), '');
          else assert.notEqual(found.length, 0, `known to differ (${known}), but the answers are the same`);
        });
      }
    });
  }
});

/** `before` has run. */
function started(oracle: Oracle | undefined): Oracle {
  assert.ok(oracle);
  return oracle;
}
