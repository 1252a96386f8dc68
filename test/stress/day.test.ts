import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { modules } from '../../src/modules/index.js';
import { watchedCount } from '../../src/net/deadlines.js';
import { openTransports } from '../../src/net/transport.js';
import { Instance } from '../../src/process/instance.js';
import { Serving } from '../../src/process/serving.js';
import type { Workers } from '../../src/process/workers.js';
import { KeyCounts } from '../../src/zones/key-counts.js';
import { LocalBackend } from '../../src/zones/local-backend.js';
import { RequestRates } from '../../src/zones/request-rates.js';
import type { Zone } from '../../src/zones/zone.js';
import { get, until, websocket, websocketEcho } from '../kit/index.js';

/** Minutes to simulate; a day has 1440. */
const MINUTES = Number(process.env.STRESS_MINUTES ?? 60);

/** A clock that runs as fast as it is turned. */
class TurnedClock {
  private ms = 1_000_000;
  readonly read = (): number => this.ms;
  turn(ms: number): void {
    this.ms += ms;
  }
}

/** Every other minute there is more of everything. */
function configuration(backend: number, minute: number): string {
  const more = minute % 2 === 1;
  return `
events { }
http {
    access_log off;
    limit_req_zone $arg_k zone=rates:64k rate=10r/s;
    limit_conn_zone $arg_k zone=counts:64k;
    ${more ? 'limit_req_zone $uri zone=only_now:64k rate=100r/s;' : ''}
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    upstream back { zone back 64k; server 127.0.0.1:${backend}; ${more ? `server 127.0.0.1:${backend} weight=2;` : ''} keepalive 4; }
    server {
        listen 127.0.0.1:0;
        location / {
            limit_req zone=rates burst=5;
            limit_conn counts 10;
            ${more ? 'limit_req zone=only_now burst=9 nodelay;' : ''}
            proxy_pass http://back;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }
    }
}
`;
}

test(`after ${MINUTES} minutes with a reload in each nothing has grown`, async (t) => {
  const backend = await websocketEcho();
  const clock = new TurnedClock();
  const home = new LocalBackend(clock.read);
  const text = (minute: number) => ({ name: 'test', text: configuration(backend.port, minute), prefix: '/tmp/' });
  const instance = new Instance<Workers>({
    modules,
    source: text(0),
    defaultErrorLog: () => {},
    warn: assert.fail,
    workers: (_settings, errorLog) => {
      const serving = new Serving({ modules, errorLog });
      return Object.assign(Object.create(serving) as Serving, { prepare: (job: never) => serving.prepare(job, home) });
    },
  });
  await instance.start();
  const port = Number(instance.addresses[0]?.split(':')[1]);

  /** Requests with keys that never come again, and tunnels that live for some minutes. */
  const tunnels: Awaited<ReturnType<typeof websocket>>[] = [];
  const minute = async (number: number): Promise<void> => {
    clock.turn(60_000);
    await instance.reload(text(number));
    const answers = await Promise.all([1, 2, 3].map((i) => get(port, `/?k=${number}-${i}`)));
    for (const { status } of answers) assert.equal(status, 200);
    tunnels.push(await websocket(port, `/?k=tunnel-${number}`));
    assert.equal(await tunnels.at(-1)?.ask(`minute ${number}`), `minute ${number}`);
    if (tunnels.length > 3) await tunnels.shift()?.close();
  };
  const state = (): Record<string, number> => {
    const count: Record<string, number> = {
      transports: openTransports(),
      watched: watchedCount(),
      zones: home.states.size,
      tickets: home.owner.tickets,
      descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    };
    for (const resource of process.getActiveResourcesInfo()) count[resource] = (count[resource] ?? 0) + 1;
    return count;
  };
  /** Nothing but the four tunnels of the last minutes, and what is kept to be used again. */
  const settled = async (): Promise<Record<string, number>> => {
    await until('old generations have only their tunnels', () => openTransports() <= 2 * tunnels.length + 4);
    return state();
  };

  for (let i = 2; i < 14; i++) await minute(i);
  const before = await settled();
  for (let i = 14; i < 14 + MINUTES; i++) await minute(i);
  const after = await settled();
  t.diagnostic(`before ${JSON.stringify(before)}`);
  t.diagnostic(`after  ${JSON.stringify(after)}`);
  for (const [what, count] of Object.entries(after)) {
    // An idle connection or a timer more or less is chance; what stays behind each minute would be seen.
    assert.ok(count <= (before[what] ?? 0) + 6, `${what}: ${before[what]} before, ${count} after`);
  }
  const zones = zonesOf(instance);
  const entries = (name: string): number => {
    const zone = zones.get(`zone ${name}`);
    const contents = home.owner.zone(zone?.id ?? 0, RequestRates) ?? home.owner.zone(zone?.id ?? 0, KeyCounts);
    return contents?.entries ?? -1;
  };
  assert.ok(entries('rates') >= 0 && entries('rates') <= 12, `${entries('rates')} keys are remembered`);
  assert.equal(entries('counts'), tunnels.length);

  for (const tunnel of tunnels) await tunnel.close();
  await until('nobody holds a place', () => home.owner.tickets === 0);
  await instance.stop();
  await until('no socket is left', () => openTransports() === 0);
  await backend.close();
});

/** Shared objects of the table in force, by key. */
function zonesOf(instance: Instance): Map<string, Zone> {
  const { current } = Object.getPrototypeOf(instance.workers) as {
    current: { table: { shared: { entries(): Iterable<[string, Zone]> } } };
  };
  return new Map(current.table.shared.entries());
}
