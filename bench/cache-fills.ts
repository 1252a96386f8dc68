/**
 * Missing entries of a cache over three workers: 200 keys, 1,000 clients, then 100 reloads during which 5 workers are killed.
 * Rejects if a response is wrong or incomplete; prints how often the upstream was asked.
 *
 *   node dist/bench/cache-fills.js [keys] [clients] [reloads] [kills]
 */
import { fillConcurrently } from '../test/stress/cache-fills.js';

const [keys = 200, clients = 1000, reloads = 100, kills = 5] = process.argv.slice(2).map(Number);
const cleanups: (() => unknown)[] = [];
const started = performance.now();
try {
  const outcome = await fillConcurrently(
    { after: (cleanup) => cleanups.push(cleanup) },
    { keys, clients, reloads, kills },
  );
  const { coldRequests, ...others } = outcome;
  const total = coldRequests.reduce((sum, each) => sum + each, 0);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${coldRequests.length} keys, ${total} upstream requests without faults; ${seconds} s\n`);
  process.stdout.write(`${JSON.stringify(others)}\n`);
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}
