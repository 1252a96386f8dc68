/** nginx and tsproxy choose the server while a head is read, and log what they had read of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareHeads } from './head-comparison.js';
import { declared } from './head-differences.js';
import { pairs } from './head-pairs.js';
import { nginxVersion, unavailable } from './nginx.js';

describe('heads for random pairs of servers have the same answers, servers and logs', { skip: unavailable }, () => {
  const modern = /^1\.(29|[3-9]\d)\./.test(nginxVersion());
  const compare = async (sample: ReturnType<typeof fc.sample<Parameters<typeof compareHeads>[0][number]>>) => {
    const found = (await compareHeads(sample, modern)).filter((each) => declared(each, modern) === null);
    assert.deepEqual(found.slice(0, 3), []);
  };

  it('whole, cut anywhere, or refused', () => compare(fc.sample(pairs(modern, 6, false), { seed: 10, numRuns: 100 })));

  it('left to client_header_timeout', () => compare(fc.sample(pairs(modern, 5, true), { seed: 20, numRuns: 4 })));
});
