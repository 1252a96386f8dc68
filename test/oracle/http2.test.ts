/**
 * The cases over HTTP/2: every third of them (with ORACLE_ALL=1 every one) that is a well-formed request is put to nginx and to tsproxy, and the responses, and what the
 * back end received, are compared. Skipped where there is no nginx.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { groups } from './cases/index.js';
import { differences } from './compare.js';
import { overHttp2, reactHttp2, translated } from './http2.js';
import { unavailable } from './nginx.js';
import { type OracleGroup, startOracle } from './oracle.js';

const STEP = process.env.ORACLE_ALL === '1' ? 1 : 3;
/** nginx sends `location` before the other fields of an upstream. The order says nothing (RFC 9110 5.3). */
const OF_LOCATION = /^(answer 2: )?order of fields: .*Location/;

describe('nginx and tsproxy answer alike over HTTP/2', { skip: unavailable }, () => {
  for (const group of groups) it(group.name, () => compareGroup(group));
});

async function compareGroup(group: OracleGroup): Promise<void> {
  const oracle = await startOracle(overHttp2(group), reactHttp2);
  const found: string[] = [];
  try {
    for (const [i, { name, send, known, ignore }] of group.cases.entries()) {
      if ((i + group.cases.length) % STEP !== 0 || known !== undefined || translated(send) === null) continue;
      const { nginx, tsproxy } = await oracle.ask(send);
      for (const difference of differences(nginx, tsproxy, ignore)) {
        if (!OF_LOCATION.test(difference)) found.push(`${name}: ${difference}`);
      }
    }
  } finally {
    await oracle.close();
  }
  assert.equal(found.join('\n'), '');
}
