/** Response times of peers that two workers share through the zone of the upstream. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import type { Peer } from '../../src/upstream/peer.js';
import { PeerTimes, recordTimes } from '../../src/upstream/peer-times.js';
import { SharedPeers } from '../../src/upstream/shared-peers.js';
import { implicitUpstream } from '../../src/upstream/upstream.js';
import { portChannel } from '../../src/zones/channel.js';
import type { PeerNews } from '../../src/zones/peer-states.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import { movingAverage } from '../../src/zones/response-times.js';
import { ZoneServer } from '../../src/zones/zone-server.js';
import { until } from '../kit/index.js';

interface Worker {
  readonly peer: Peer;
  readonly times: PeerTimes;
  /** Ends the worker as if it was killed. */
  die(): void;
}

function worker(t: TestContext, keeper: ZoneServer): Worker {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const served = keeper.serve(portChannel(port1));
  const home = new RemoteBackend(portChannel(port2), { log: assert.fail, timeout: 20_000 });
  const peers = new SharedPeers(home);
  const declaration = { kind: 'upstream', name: 'u', size: 64 << 10, key: '' } as const;
  peers.join(home.open(declaration, (news) => peers.news(news as PeerNews[])));
  const upstream = implicitUpstream('u', [{ host: '127.0.0.1', port: 1 }]);
  peers.add(upstream);
  peers.enforced();
  const [peer] = upstream.current().peers;
  assert.ok(peer);
  return { peer, times: PeerTimes.of(peer), die: () => served.end() };
}

test('the averages are those of all responses, in the order in which they were reported', async (t) => {
  const keeper = new ZoneServer();
  const workers = [worker(t, keeper), worker(t, keeper), worker(t, keeper)] as const;
  let header = 0;
  let lastByte = 0;
  for (let i = 0; i < 12; i++) {
    const by = workers[i % 3] ?? workers[0];
    const times = { headerTime: 10 + i * 20, responseTime: 300 - i * 10 };
    recordTimes(by.peer, times);
    header = movingAverage(header, times.headerTime);
    lastByte = movingAverage(lastByte, times.responseTime);
    await until(`all have ${header}`, () => workers.every((each) => each.times.header === header));
    for (const each of workers) assert.equal(each.times.lastByte, lastByte);
  }
  // A worker that is started later has them at once, also those of one that was killed.
  workers[0].die();
  const late = worker(t, keeper);
  await until('it has them', () => late.times.header === header && late.times.lastByte === lastByte);
});

test('active requests of other workers count with their ages, until their worker dies', async (t) => {
  const keeper = new ZoneServer();
  const [a, b] = [worker(t, keeper), worker(t, keeper)];
  a.times.begin(performance.now() - 1000);
  a.times.begin(performance.now() - 3000);
  a.peer.begin();
  await until('b knows', () => b.times.busy);
  b.times.observe(performance.now());
  assert.ok(b.times.inflight >= 2000 && b.times.inflight < 12_000, String(b.times.inflight));
  assert.equal(b.times.others.requests, 2);
  a.die();
  await until('they are gone', () => !b.times.busy);
});
