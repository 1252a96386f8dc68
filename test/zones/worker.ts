/** A worker in a process of its own: asks as often as it is told, all at once, and says how often it was let through. */
import { processChannel } from '../../src/zones/channel.js';
import { countRequest, takeConnections } from '../../src/zones/limits.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';

/** Messages from the test. */
export interface Order {
  readonly ask: 'connections' | 'requests';
  readonly times: number;
  readonly max: number;
}

const home = new RemoteBackend(processChannel(process), {
  log: (_level, message) => process.send?.({ complaint: message }),
  timeout: 20_000,
});
const connections = home.open({ kind: 'limit_conn', name: 'c', size: 1 << 20, key: '$x' }).id;
const requests = home.open({ kind: 'limit_req', name: 'r', size: 1 << 20, key: '$x' }).id;
let ticket = 0;

async function letThrough({ ask, max }: Order): Promise<boolean> {
  if (ask === 'connections') {
    const limits = [{ zone: connections, key: 'k', max }];
    return (await home.ask(takeConnections, { ticket: ++ticket, limits })).result === 'taken';
  }
  const limits = [{ zone: requests, key: 'k', rate: 1, burst: (max - 1) * 1000, delay: 0 }];
  return (await home.ask(countRequest, { limits })).result !== 'beyond';
}

process.on('message', (message) => {
  const { order } = message as { readonly order?: Order };
  if (order === undefined) return;
  void Promise.all(Array.from({ length: order.times }, () => letThrough(order))).then((results) =>
    process.send?.({ through: results.filter(Boolean).length }),
  );
});
process.send?.({ ready: true });
