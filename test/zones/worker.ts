/** A worker in a process of its own: asks as often as it is told, all at once, and says how often it was let through. */
import { BlockingChannel } from '../../src/zones/blocking-channel.js';
import { processChannel } from '../../src/zones/channel.js';
import { addToEntry, listEntries, storeEntry } from '../../src/zones/dictionary-operations.js';
import { countRequest, takeConnections } from '../../src/zones/limits.js';
import { RemoteBackend } from '../../src/zones/remote-backend.js';
import { findSession, learnSession } from '../../src/zones/sticky-operations.js';

/** Messages from the test. */
export interface Order {
  readonly ask: 'connections' | 'requests' | 'learn' | 'find' | 'count' | 'large';
  readonly times: number;
  readonly max: number;
  /** Sessions `prefix 0`, `prefix 1`, …, and their peer. */
  readonly prefix?: string;
  readonly peer?: string;
}

const home = new RemoteBackend(processChannel(process), {
  log: (_level, message) => process.send?.({ complaint: message }),
  timeout: Number(process.env.TIMEOUT ?? 20_000),
  blocking: new BlockingChannel(4),
});
const connections = home.open({ kind: 'limit_conn', name: 'c', size: 1 << 20, key: '$x' }).id;
const requests = home.open({ kind: 'limit_req', name: 'r', size: 1 << 20, key: '$x' }).id;
const sessions = home.open({ kind: 'sticky', name: 's', size: 1 << 20, key: 'app' }).id;
const shared = home.open({ kind: 'js_shared_dict', name: 'd', size: 16 << 20, key: 'number' });
let ticket = 0;

/** Asks without returning to the event loop; returns the last answer, or the message of the error. */
function askNow({ ask, times }: Order): unknown {
  const zone = shared.id;
  try {
    if (ask === 'large') {
      const value = 'x'.repeat(times);
      home.askNow(shared, storeEntry, { zone, mode: 'set', key: 'large', value, timeout: 0, evict: false });
      const found = home.askNow(shared, listEntries, { zone, max: 1 });
      return found[0]?.[1] === value;
    }
    let sum: number | null = null;
    const addition = { zone, key: 'n', by: 1, initial: 0, timeout: 0, defaultTimeout: 0, evict: false };
    for (let i = 0; i < times; i++) sum = home.askNow(shared, addToEntry, addition);
    return sum;
  } catch (error) {
    return (error as Error).message;
  }
}

async function letThrough({ ask, max, prefix = '', peer = '' }: Order, i: number): Promise<boolean> {
  const session = { zone: sessions, key: `${prefix} ${i}`, timeout: 600_000 };
  if (ask === 'find') return (await home.ask(findSession, session)) === peer;
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
  const { ask, times, prefix = '', peer = '' } = order;
  if (ask === 'count' || ask === 'large') {
    process.send?.({ answer: askNow(order) });
    return;
  }
  if (ask === 'learn') {
    // As by a request: in the same turn as its response.
    for (let i = 0; i < times; i++) {
      const key = `${prefix} ${i}`;
      void home.ask(learnSession, { zone: sessions, key, timeout: 600_000, peer, create: true });
    }
    home.flush();
    process.send?.({ through: times });
    return;
  }
  void Promise.all(Array.from({ length: times }, (_, i) => letThrough(order, i))).then((results) =>
    process.send?.({ through: results.filter(Boolean).length }),
  );
});
process.send?.({ ready: true });
