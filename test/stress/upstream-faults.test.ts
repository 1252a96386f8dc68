import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAULTS, failServers } from './upstream-faults.js';

const TIMES = 3;

// Most of the time is spent waiting for timeouts.
describe('servers that fail', { concurrency: 7 }, () => {
  for (const fault of FAULTS) {
    test(`a server that fails (${fault}) is avoided, and no request is lost or sent too often`, async () => {
      assert.deepEqual(await failServers({ fault, active: false, times: TIMES }), []);
    });

    test(`no client sees a server that fails (${fault}) once its health check has failed`, async () => {
      assert.deepEqual(await failServers({ fault, active: true, times: TIMES }), []);
    });
  }
});
