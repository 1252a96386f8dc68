import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXTREMES, judgeExtreme } from './extremes.js';

/** Of the full size, which `bench/stress.ts extremes` tests. */
const SCALE = 0.1;

for (const extreme of EXTREMES) {
  test(extreme.name, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-extreme-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    await judgeExtreme(extreme, SCALE, directory);
  });
}
