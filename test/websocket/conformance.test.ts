/**
 * Cases of the WebSocket protocol (the groups of the Autobahn test suite, RFC 6455 5 to 7, RFC 7692 7) through the proxy: each ends
 * exactly as without it, in both directions. `node dist/bench/websocket-conformance.js` runs longer ones.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { allCases } from './conformance/cases.js';
import { isRight, Suite } from './conformance/suite.js';

const cases = [...allCases({ message: 65_536, compressed: 2 })];

describe(`each of ${cases.length} cases`, () => {
  let suite: Suite;
  let fromClient: (readonly string[])[];
  let fromServer: (readonly string[])[];
  before(async () => {
    suite = await Suite.start(cases);
    fromClient = await suite.clients(null);
    fromServer = await suite.servers(null);
  });
  after(() => suite.stop());

  function check(mode: string, direct: (readonly string[])[], outcomes: (readonly string[])[]): void {
    for (const [i, each] of cases.entries()) {
      const [expected = [], outcome = []] = [direct[i], outcomes[i]];
      if (!isRight(each, mode, expected, outcome)) assert.deepEqual([each.name, ...outcome], [each.name, ...expected]);
    }
  }

  test('ends without the proxy', () => {
    for (const [i, each] of cases.entries()) {
      assert.ok(!fromClient[i]?.includes('hangs') && !fromServer[i]?.includes('hangs'), each.name);
    }
  });

  for (const mode of ['plain', 'everything']) {
    test(`of a client ends as without the proxy: ${mode}`, async () => {
      check(mode, fromClient, await suite.clients(mode));
    });
    test(`of a server ends as without the proxy: ${mode}`, async () => {
      check(mode, fromServer, await suite.servers(mode));
    });
  }
});
